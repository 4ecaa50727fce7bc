"""Addresses of the accounts room, below `/api/hvx/v1/`."""

from django.urls import path

from accounts.views import access_keys, me, passkeys, security_log, sessions

urlpatterns = [
    path("challenges", sessions.ChallengesView.as_view()),
    path("accounts", sessions.AccountsView.as_view()),
    path("accounts/<str:username>", me.PublicAccountView.as_view()),
    path("accounts/<str:username>/devices", me.PublicDevicesView.as_view()),
    path("sessions", sessions.SessionsView.as_view()),
    path("sessions/passkey", passkeys.PasskeyLoginView.as_view()),
    path("sessions/passkey/options", passkeys.PasskeyLoginOptionsView.as_view()),
    path("sessions/activate", sessions.ActivateView.as_view()),
    path("sessions/refresh", sessions.RefreshView.as_view()),
    path("sessions/logout", sessions.LogoutView.as_view()),
    path("devices/<str:device>/revoke", sessions.RevokeView.as_view()),
    path("me", me.MeView.as_view()),
    path("me/export", me.ExportView.as_view()),
    path("me/password", me.PasswordView.as_view()),
    path("me/key", me.KeyView.as_view()),
    path("me/secret", me.SecretView.as_view()),
    path("me/security-log", security_log.SecurityLogView.as_view()),
    path("me/passkeys", passkeys.PasskeysView.as_view()),
    path("me/passkeys/<str:id>", passkeys.PasskeyView.as_view()),
    path("me/access-keys", access_keys.AccessKeysView.as_view()),
    path("me/access-keys/<str:id>", access_keys.AccessKeyView.as_view()),
    path("sessions/access-key", access_keys.AccessKeyLoginView.as_view()),
    path("password-reset", me.PasswordResetView.as_view()),
]
