"""Routes outside the API: signing in, and the authorization server."""

from django.urls import include, path
from oauth2_provider import views

from .oauth_views import ConsentView, IntrospectView, MetadataView, TokenView, refuse_nul
from .sign_in import SignInView, SignOutView
from .sign_in_limits import limited_client, limited_sign_in

# The toolkit finds its endpoints by these names.
oauth_urlpatterns = [
    path("oauth/authorize", refuse_nul(ConsentView.as_view()), name="authorize"),
    path("oauth/token", refuse_nul(limited_client(TokenView.as_view())), name="token"),
    path("oauth/revoke", refuse_nul(limited_client(views.RevokeTokenView.as_view())), name="revoke-token"),
    path("oauth/introspect", refuse_nul(limited_client(IntrospectView.as_view())), name="introspect"),
    path(".well-known/oauth-authorization-server", MetadataView.as_view(), name="oauth-server-metadata"),
]
urlpatterns = [
    path("signin", limited_sign_in(SignInView.as_view()), name="sign-in"),
    path("signout", SignOutView.as_view(), name="sign-out"),
    path("", include((oauth_urlpatterns, "oauth2_provider"))),
]
