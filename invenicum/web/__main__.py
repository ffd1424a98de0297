"""`python -m invenicum.web`"""

from .server import main

if __name__ == "__main__":  # the worker processes import this file too
    main()
