"""`python -m invenicum.web`"""

from invenicum.start import errors_in_one_line

if __name__ == "__main__":  # the worker processes import this file too
    with errors_in_one_line():
        from .server import main

        main()
