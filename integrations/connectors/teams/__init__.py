from .connector import Teams

__all__ = ["Teams"]
