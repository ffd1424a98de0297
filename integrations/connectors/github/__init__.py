from .connector import GitHub

__all__ = ["GitHub"]
