"""How fast a batch goes out, and what it costs: ours, its peers beside it, and the ceiling of the mail server.

    python benchmarks/dispatch.py                       # 20,000 messages of ours, 500 of each peer's
    python benchmarks/dispatch.py --latency-ms 20       # every reply 20 ms late, 64 connections
    python benchmarks/dispatch.py --memory              # 1,000,000 due rows: peak memory, ours alone, both templates
    python benchmarks/dispatch.py --exits               # ours alone, without and with exits asked again (L1)
    python benchmarks/dispatch.py --content             # ours alone, ten more values, and those of content (M9)
    python benchmarks/dispatch.py --shards 1 2 4        # ours alone, by so many processes (DRIPS_SEND_SHARDS)
    python benchmarks/dispatch.py --dkim                # ours alone, unsigned and signed: the CPU of a signature

Everybody sends the same 10 KB newsletter with eight links to Debian's `smtp-sink` on this machine, which throws it
away; how each is used stands at the top of its file in `dispatch_peers/`. Preparing (rows, users, migrations) is not
measured. "sending" is the work itself, "whole" the process from its start to its end, imports included; the CPU is
that of the sending processes, user and system, without the mail server's. The ratios compare sending with sending, a
message each, so that a peer's short run is not charged with its start. smtp-source makes no messages and does not
pipeline, so with latency it is no ceiling. Only ours keeps a journal that survives a crash.

"17 links, 100 values" is ours with another template: 15 KB of HTML in which each link names its reader, so that each
message has its own addresses to sign.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from dispatch_peers.candidates import ASKING, CANDIDATES, SHOWING, SIGNED, Candidate, interpreter_for, sharded
from dispatch_peers.measuring import Measurement, measure_ceiling, measure_script
from dispatch_peers.servers import delayed, smtp_sink, smtp_tool

MOST_FOR_MEMORY = 1_000_000


def main() -> None:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    ours_again = [*(SIGNED.values() if arguments.dkim else ()), *(ASKING.values() if arguments.exits else ())]
    ours_again += SHOWING.values() if arguments.content else ()
    ours_again += [sharded(count, signed=arguments.dkim) for count in arguments.shards or () if count > 1]
    chosen = ours_again or _chosen("none" if arguments.shards else "digest" if arguments.memory else arguments.peers)
    late = arguments.latency_ms > 0
    messages = arguments.rows if arguments.memory else arguments.messages
    of_peers = min(messages, arguments.peer_messages or (100 if late else 500))
    connections = arguments.connections or (64 if late else 8)
    smtp_tool("smtp-sink")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drips-bench-", dir=arguments.folder)))
        port = stack.enter_context(smtp_sink())
        if late:
            port = stack.enter_context(delayed(port, arguments.latency_ms))
        results: list[Measurement] = []
        for candidate in (CANDIDATES["ours"], *chosen):
            count = of_peers if candidate.slow else messages
            _tell(f"{candidate.title}: {count:,} messages …")
            if candidate.script is None:
                result = measure_ceiling(candidate.title, port, count, connections)
            else:
                folder = scratch / "-".join((candidate.script.stem, *candidate.options))
                folder.mkdir()
                python = interpreter_for(candidate)
                result = measure_script(
                    candidate.title, python, candidate.script, folder, port, count, connections, candidate.options
                )
                shutil.rmtree(folder)
            results.append(result)
    setting = {
        "connections": connections,
        "latency_ms": arguments.latency_ms,
        "processors": len(os.sched_getaffinity(0)),
    }
    signatures = _signatures(results) if arguments.dkim else {}
    if arguments.json:
        told = [asdict(result) | result.rates(results[0]) for result in results]
        print(json.dumps({**setting, "signature_cpu_ms": signatures, "results": told}))
    else:
        print(", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in setting.items()))
        _print_table(results)
        for title, milliseconds in signatures.items():
            print(f"{title}: {milliseconds:.2f} ms of CPU a signature, all told")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=_count, default=20_000, help="ours and the ceiling's (default 20,000)")
    parser.add_argument(
        "--peer-messages",
        type=_count,
        help="each peer's (default 500; 100 with --latency-ms)",
    )
    parser.add_argument("--connections", type=_count, help="at once (default 8; 64 with --latency-ms)")
    parser.add_argument("--latency-ms", type=float, default=0, help="how late every reply of the server comes")
    names = ", ".join(name for name in CANDIDATES if name != "ours")
    parser.add_argument("--peers", default="all", help=f"all, none, or some, with commas: {names}")
    parser.add_argument("--memory", action="store_true", help="ours alone over --rows due rows")
    parser.add_argument("--dkim", action="store_true", help="ours alone, unsigned and with DKIM signatures")
    parser.add_argument("--exits", action="store_true", help="ours alone, without and with exits asked again")
    parser.add_argument("--content", action="store_true", help="ours alone, and with content models")
    parser.add_argument(
        "--shards", type=_count, nargs="+", help="ours alone, by so many processes each; 1 is always run"
    )
    parser.add_argument("--rows", type=_count, default=MOST_FOR_MEMORY, help="for --memory (default 1,000,000)")
    parser.add_argument(
        "--folder", type=Path, help="where to work (default: a temporary folder); its disk is the journal's"
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    return parser.parse_args()


def _signatures(results: list[Measurement]) -> dict[str, float]:
    """What a signature takes by candidate: each beside the same mails without one."""
    by_title = {result.title: result for result in results}
    found: dict[str, float] = {}
    for candidate in SIGNED.values():
        unsigned = by_title[CANDIDATES["digest" if "digest" in candidate.options else "ours"].title]
        if by_title[candidate.title] is not unsigned:
            found[candidate.title] = _signature_ms(by_title[candidate.title], unsigned)
    return found


def _signature_ms(signed: Measurement, unsigned: Measurement) -> float:
    """What a signature takes of CPU: canonicalizing, hashing, the key's work and the header."""
    cpu = [result.sending_cpu_seconds / result.messages for result in (signed, unsigned)]
    return (cpu[0] - cpu[1]) * 1_000


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _chosen(names: str) -> list[Candidate]:
    if names == "none":
        return []
    others = {name: candidate for name, candidate in CANDIDATES.items() if name != "ours"}
    wanted = list(others) if names == "all" else names.split(",")
    if unknown := sorted(set(wanted) - set(others)):
        raise SystemExit(f"--peers: there is no {', '.join(unknown)}; choose from {', '.join(others)}")
    return [others[name] for name in wanted]


def _print_table(results: list[Measurement]) -> None:
    heads = ("messages", "whole s", "sending s", "messages/s", "CPU ms", "peak MiB", "times ours", "CPU times")
    print(f"{'':22}" + "".join(f"{head:>12}" for head in heads))
    for result in results:
        rates = result.rates(results[0])
        cells = (
            f"{result.messages:,}",
            f"{result.whole_seconds:.2f}",
            f"{result.sending_seconds:.2f}",
            f"{rates['messages_per_second']:,.0f}",
            f"{rates['cpu_ms_per_message']:.2f}",
            f"{result.peak_mib:,.0f}",
            f"{rates['time_ratio']:.2f}",
            f"{rates['cpu_ratio']:.2f}",
        )
        print(f"{result.title:22}" + "".join(f"{cell:>12}" for cell in cells))
    ours = results[0].rates(results[0])
    print(
        f"ours with start and end: {ours['whole_messages_per_second']:,.0f} messages/s,"
        f" {ours['whole_cpu_ms_per_message']:.2f} ms of CPU a message"
    )
    for result in results:
        if result.laps:
            each = result.messages / 1_000
            laps = " + ".join(f"{name} {seconds / each:.2f}" for name, seconds in result.laps.items())
            print(f"{result.title}, ms a message: {laps}")
        if result.note:
            print(f"{result.title}: {result.note}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
