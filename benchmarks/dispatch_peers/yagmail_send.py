"""yagmail's `send()`, once a message, with the plain loop's HTML.

It connects anew for every message, and inlines the CSS anew with premailer unless it is told `as-is`; a person who
cares inlines once beforehand. In its favour: no name look-up at connecting.
"""

from __future__ import annotations

import sys
from pathlib import Path

import content
import yagmail
from plain_loop import Newsletter
from reporting import Stopwatch


def send(folder: Path, port: int, connections: int, messages: int, inlines_css: bool) -> None:
    watch = Stopwatch()
    newsletter = Newsletter()
    client = yagmail.SMTP(
        {content.SENDER: content.SENDER_NAME},
        host="127.0.0.1",
        port=port,
        smtp_ssl=False,
        smtp_starttls=False,
        smtp_skip_login=True,
        local_hostname="bench.example",
    )
    for number in range(messages):
        lead = content.lead(number)
        subject, html, _ = newsletter.render(lead)
        # It makes a <br> of every line break in HTML.
        if client.send(lead["email"], subject, html.replace("\n", " "), prettify_html=inlines_css) is False:
            raise SystemExit(f"yagmail gave up on message {number}")
    client.close()
    watch.report(lambda: client.num_mail_sent)


if __name__ == "__main__":
    verb, root, *more = sys.argv[1:]
    if verb == "send":
        send(Path(root), *map(int, more[:3]), inlines_css="as-is" not in more)
