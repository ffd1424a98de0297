from rest_framework.routers import SimpleRouter


class ApiRouter(SimpleRouter):
    """Routes of viewsets by path converters, without a trailing slash (`addresses.py` tolerates one).

    A row's address is defined by the viewset's `lookup_url_kwarg` and, if the plain `str` is too wide, its
    `lookup_value_converter`.
    """

    def __init__(self) -> None:
        super().__init__(trailing_slash=False, use_regex_path=False)
