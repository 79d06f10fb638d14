"""What stops a load, with what the program then exits with."""


class LoadFault(Exception):
    """The message is for whoever typed the command."""

    exit_code = 1


class WrongInput(LoadFault):
    """Found before anything was written."""

    exit_code = 2


class AnotherLoad(LoadFault):
    exit_code = 3
