"""Routes of the account endpoints, below `/api/v1/`."""

from django.urls import path

from accounts.views import LogoutView, MeView, RefreshView, RegisterView, TokenView

urlpatterns = [
    path("auth/register", RegisterView.as_view(), name="register"),
    path("auth/token", TokenView.as_view(), name="token"),
    path("auth/token/refresh", RefreshView.as_view(), name="token-refresh"),
    path("auth/logout", LogoutView.as_view(), name="logout"),
    path("me", MeView.as_view(), name="me"),
]
