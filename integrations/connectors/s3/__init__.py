from .connector import S3

__all__ = ["S3"]
