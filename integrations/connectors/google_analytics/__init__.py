from .connector import GoogleAnalytics

__all__ = ["GoogleAnalytics"]
