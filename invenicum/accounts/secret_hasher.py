from django.contrib.auth.hashers import PBKDF2PasswordHasher


class RandomSecretHasher(PBKDF2PasswordHasher):
    """For the secrets of applications. They are long and random, so that a fast hash is safe.

    With the many rounds of a password hash, anyone could keep a processor busy by sending wrong secrets.
    """

    algorithm = "random_secret"
    iterations = 1
