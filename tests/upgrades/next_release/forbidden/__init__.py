from webhooks import migrations

# Those of today's release, and the ones beside this file.
__path__ = [*migrations.__path__, *__path__]
