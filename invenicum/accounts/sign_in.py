"""Signing in and out with a browser."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invenicum.pages import render_page

WRONG_PAIR = gettext_lazy("The user name or the password is not correct. Both are case-sensitive.")


class SignInForm(AuthenticationForm):
    """A wrong user name or password is reported at the password field, which gets the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        self.fields["username"].error_messages["required"] = _("Enter your user name.")
        self.fields["password"].error_messages["required"] = _("Enter your password.")
        if self.is_bound:
            self.fields["username"].widget.attrs.pop("autofocus", None)
            self.fields["password"].widget.attrs["autofocus"] = True

    def get_invalid_login_error(self) -> ValidationError:
        return ValidationError({"password": WRONG_PAIR})


class SignInView(LoginView):
    """The sign-in page, in the browser's language. Without `next` a user who is signed in gets a page that says so."""

    form_class = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override(translation.get_language_from_request(request)):
            return super().dispatch(request, *args, **kwargs)

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        language = {"language": translation.get_language()}
        if self.request.user.is_authenticated and not self.get_redirect_url():
            signed_in = {"title": _("You are signed in"), "user": self.request.user, **language}
            return render_page("accounts/signed_in.html", signed_in, self.request, form_targets=["'self'"])
        context |= {"title": _("Sign in"), **language}
        # 'self' only: it leads to the consent page, which has validated its request and redirects nowhere else.
        return render_page("accounts/sign_in.html", context, self.request, form_targets=["'self'"])


class SignOutView(LogoutView):
    """Ends the session. Needs a form, so that a link or an image on another site cannot sign a user out."""

    http_method_names = ["get", "post", "options"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect("sign-in")
