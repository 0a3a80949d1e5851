"""The child that renders templates: jinja2 alone, nothing of the studio, in limited memory.

Started by studio/templates/rendering.py as a script. One JSON request a line on stdin, one JSON reply a line on
stdout: {"jinja": source, "jobs": [variables, ...]} -> {"names": [...], "results": [{"text"} | {"error", "line"}, ...]}.
Jinja's sandbox stops access to Python, but bounds neither time nor memory; the parent does that by ending this
process. The environment is the one transformers uses for chat templates (utils/chat_template_utils.py).
"""

import json
import resource
import sys
from datetime import datetime

import jinja2
import jinja2.ext
import jinja2.meta
import jinja2.nodes
import jinja2.sandbox

MEMORY = 512 * 1024 * 1024
OUTPUT = 1_000_000


class Generation(jinja2.ext.Extension):
    """Accepts {% generation %} ... {% endgeneration %}, which some chat templates put around the answer."""

    tags = {"generation"}  # noqa: RUF012 (jinja2 declares it so)

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def raise_exception(message):
    raise jinja2.TemplateError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    # Jinja's own filter escapes <, > and &, which a prompt must keep.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def make_environment():
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda format: datetime.now().strftime(format)
    return environment


def describe(error):
    if isinstance(error, MemoryError):
        return {"error": "it needs more than 512 MB of memory", "line": None}
    if isinstance(error, RecursionError):
        return {"error": "it calls itself without end", "line": None}
    message = str(error) or type(error).__name__
    return {"error": message, "line": getattr(error, "lineno", None) or line_of(error)}


def line_of(error):
    """The template's line in which a run-time error arose: jinja2 rewrites the traceback to show it."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def render(template, variables):
    pieces, length = [], 0
    limit = OUTPUT + len(json.dumps(variables))
    for piece in template.generate(**variables):
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            return {"error": "it writes more than 1 MB for one row", "line": None}
    return {"text": "".join(pieces)}


def answer(environment, cache, request):
    source = request["jinja"]
    if source not in cache:
        cache.clear()
        tree = environment.parse(source)
        cache[source] = (environment.from_string(source), sorted(jinja2.meta.find_undeclared_variables(tree)))
    template, names = cache[source]
    results = []
    for variables in request["jobs"]:
        try:
            results.append(render(template, variables))
        except Exception as error:  # noqa: BLE001 (whatever a template raises is its author's to read)
            results.append(describe(error))
    return {"names": names, "results": results}


def main():
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    environment, cache = make_environment(), {}
    for line in sys.stdin:
        try:
            reply = answer(environment, cache, json.loads(line))
        except Exception as error:  # noqa: BLE001 (a template that cannot be compiled)
            reply = {"names": [], "results": [], **describe(error)}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
