"""What goes wrong in a run."""


class RunError(ValueError):
    """Files or settings of a run that do not fit; says which, and what to do."""


class NonFiniteLossError(ArithmeticError):
    """A loss that is no longer a number; says the step and the term."""
