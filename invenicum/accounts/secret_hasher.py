from django.contrib.auth.hashers import PBKDF2PasswordHasher


class RandomSecretHasher(PBKDF2PasswordHasher):
    """For the secrets of applications, which are long and random: guessing needs no slowing down.

    With the many rounds that a password needs, anyone could keep a processor busy with wrong secrets.
    """

    algorithm = "random_secret"
    iterations = 1
