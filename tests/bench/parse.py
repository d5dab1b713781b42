"""Reading a metrics page of 1,000 series, against only finding the ends of its lines."""
from figures import line, numbers


def run(world):
    rate = numbers(world.programs / "parse")
    line("parse: 1,000 series, all wanted", rate["all"], rate["walk"], "GB/s", "memchr line walk, same bytes")
    line("parse: 1,000 series, 6 names wanted", rate["six"], rate["walk"], "GB/s", "memchr line walk, same bytes")
