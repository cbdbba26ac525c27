"""What is said in a sentence instead of a traceback."""


class UsageError(Exception):
    """Something that whoever called the program can put right."""


class LeftOut(Exception):
    """Why a contender does not take part in a row."""
