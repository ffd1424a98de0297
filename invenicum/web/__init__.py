"""What stands between the web server and Django: reading bodies, bounded threads, sending answers. See `asgi.py`.

Everything that depends on how fast a client sends or reads happens on the event loop, within limits of bytes and time.
A thread runs Django for a request that has arrived completely, and is free again as soon as the answer is made.
"""
