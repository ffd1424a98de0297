from .connector import Dropbox

__all__ = ["Dropbox"]
