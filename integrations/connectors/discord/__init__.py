from .connector import Discord

__all__ = ["Discord"]
