#!/usr/bin/env python3
"""Makes a job summary and annotations of a report: summarize.py DIR EXIT_CODE.

Python's standard library alone: GitHub's runners have python3.
"""

import html
import json
import os
import sys
from pathlib import Path

MOST = 10  # annotations of a kind that GitHub shows for one step
LONGEST = 4000  # characters of one case: a summary has room for a mebibyte
BAD = ("fail", "warn", "blocked", "untestable", "harness-error")
STATUSES = ("pass", "warn", "fail", "not-claimed", "untestable", "blocked", "interrupted", "harness-error")
MARKS = {"conformant": "✓", "not-conformant": "✗"}


def main(directory, exit_code):
    try:
        report = json.loads(Path(directory, "report.json").read_text("utf-8"))
        run = json.loads(Path(directory, "run.json").read_text("utf-8"))
    except FileNotFoundError:
        message = f"conformance ended with {exit_code} and made no report: its output says why"
        annotate("error", "conformance", message)
        publish("none", f"## Conformance: no report\n\n{message}.\n")
        return
    for status, kind in (("fail", "error"), ("harness-error", "error"), ("blocked", "error"), ("warn", "warning")):
        cases = [c for c in report["cases"] if c["status"] == status and not c.get("baselined")]
        for case in cases[:MOST]:
            annotate(kind, f"{case['id']} ({case['level'].upper()})", case["reason"])
    for problem in (report.get("baseline") or {}).get("problems", []):
        annotate("error", f"baseline: {problem['case']}", f"{problem['kind']}: {problem['detail']}")
    publish(report["verdict"], summary(report, run, exit_code))


def annotate(kind, title, message):
    """Prints a workflow command; only the escapes keep its parts apart."""
    def escape(text, more=""):
        for char in "%\r\n" + more:
            text = text.replace(char, f"%{ord(char):02X}")
        return text

    print(f"::{kind} title={escape(title, ':,')}::{escape(message)}")


def publish(verdict, markdown):
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
        file.write(markdown)
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.write(f"verdict={verdict}\n")


def summary(report, run, exit_code):
    subject, verdict = report["subject"], report["verdict"]
    selected = [c for c in report["cases"] if c["status"] != "not-selected"]
    lines = [
        f"## Conformance: {verdict} {MARKS.get(verdict, '?')}",
        "",
        f"{code(subject['name'])} ({text(subject['version'])} {text(subject['os'])}/{text(subject['arch'])}): "
        f"{len(selected)} cases of {report['suite']['cases']} at {report['spec']['revision']} "
        f"in {run['seconds']:.0f} s, exit code {exit_code}.",
    ]
    if len(selected) < report["suite"]["cases"]:
        lines.append("A filtered run certifies nothing.")
    known = [c for c in selected if c.get("baselined")]
    if known:
        lines.append(f"Known by the baseline: {len(known)}. A run with a baseline certifies nothing.")
    lines += ["", *table(
        ["profile", "result"],
        [[p["name"], p["result"]] for p in report["profiles"] if p["result"] != "not-selected"],
    )]
    statuses = [s for s in STATUSES if report["totals"].get(s)]
    areas = sorted({c["area"] for c in selected})
    count = lambda area, status: sum(c["area"] == area and c["status"] == status for c in selected)
    lines += ["", *table(
        ["area", *statuses],
        [[area, *(count(area, s) or "·" for s in statuses)] for area in areas]
        + [["total", *(report["totals"][s] for s in statuses)]],
    )]
    for status in BAD:
        cases = [c for c in selected if c["status"] == status]
        if cases:
            lines += ["", f"### {status}", ""]
            lines += [finding(case, run["cases"].get(case["id"], {})) for case in cases]
    return "\n".join(lines) + "\n"


def table(head, rows):
    line = lambda cells: "| " + " | ".join(map(str, cells)) + " |"
    return [line(head), line(["---"] + ["--:"] * (len(head) - 1)), *map(line, rows)]


def finding(case, told):
    known = " · known" + (f" ({text(case['issue'])})" if case.get("issue") else "") if case.get("baselined") else ""
    parts = [f"<details><summary>{code(case['id'])} · {code(case['clause'])} {case['level'].upper()}{known}</summary>"]
    failures = told.get("failures") or []
    shown = "\n".join(f"want  {f['want']}\ngot   {f['got']}" for f in failures) or case["reason"]
    # An empty line would end the HTML block.
    parts.append("<pre>" + text(shown[:LONGEST]).replace("\n", "&#10;") + "</pre>")
    parts.append(f"{code('conformance explain ' + case['id'])}</details>")
    return "".join(parts)


def text(raw):
    return html.escape(raw).replace("|", "&#124;")


def code(raw):
    return f"<code>{text(raw)}</code>"


if __name__ == "__main__":
    main(*sys.argv[1:])
