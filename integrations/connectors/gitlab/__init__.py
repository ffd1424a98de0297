from .connector import GitLab

__all__ = ["GitLab"]
