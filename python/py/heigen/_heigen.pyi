"""What the extension module holds; it is used by the package's own modules only."""

__version__: str

def run_program(arguments: list[str]) -> int: ...
