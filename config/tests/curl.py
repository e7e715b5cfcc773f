"""What the documented lines use of curl (`-s`, `-H`, `-d`), for machines that have none."""

import argparse
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("-s", action="store_true")
parser.add_argument("-H", action="append", default=[], dest="headers")
parser.add_argument("-d", dest="data")
given = parser.parse_args()

url = urlsplit(given.url)
data = Path(given.data[1:]).read_text() if given.data and given.data.startswith("@") else given.data
assert url.hostname
web = HTTPConnection(url.hostname, url.port, timeout=30)
web.request(
    "POST" if data else "GET",
    f"{url.path}?{url.query}",
    data and data.encode(),
    dict(header.split(": ", 1) for header in given.headers),
)
sys.stdout.buffer.write(web.getresponse().read())
web.close()
