from .connector import GoogleDrive

__all__ = ["GoogleDrive"]
