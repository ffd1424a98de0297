from .connector import Bitbucket

__all__ = ["Bitbucket"]
