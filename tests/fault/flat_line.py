"""Whether a process that runs for long stays as it is: memory, files and threads on a flat line."""
import dataclasses
import statistics

from evidence import ProcessSample

WARM_UP = 0.3                # of the samples
FEWEST_SAMPLES = 30          # of which a line can be told
RSS_GROWTH_PER_HOUR = 64 << 20
COUNT_GROWTH = 3             # files and threads, over all of the samples


@dataclasses.dataclass(frozen=True)
class Line:
    """Through what is left of the samples after the warm-up. `noise`: what a slope of nothing may look like, two spreads of the
    samples around their line."""
    per_s: float
    noise: float

    @staticmethod
    def through(samples: list[ProcessSample], what: str) -> "Line":
        warm = samples[int(len(samples) * WARM_UP):]
        times, values = [sample.at for sample in warm], [getattr(sample, what) for sample in warm]
        per_s = statistics.linear_regression(times, values).slope
        middle = statistics.mean(times)
        return Line(per_s, 2 * statistics.pstdev([value - per_s * (at - middle) for at, value in zip(times, values)]))


def growth(samples: list[ProcessSample]) -> list[str]:
    """A sentence for each of memory, files and threads that grows by more than is allowed and can be told from noise."""
    if len(samples) < FEWEST_SAMPLES:
        return [f"{len(samples)} samples say nothing"]
    lasted = samples[-1].at - samples[0].at
    allowed = {"rss": RSS_GROWTH_PER_HOUR * lasted / 3600, "files": COUNT_GROWTH, "threads": COUNT_GROWTH}
    found = [f"{what} was not measured" for what in allowed if not all(getattr(sample, what) for sample in samples)]
    for what, most in allowed.items():
        line = Line.through(samples, what)
        if line.per_s * lasted > max(most, line.noise):
            found.append(f"{what} grew by {line.per_s * lasted:.1f} in {lasted:.0f} s; allowed are {most:.1f}, "
                         f"the noise is {line.noise:.1f}")
    return found


def describe(samples: list[ProcessSample]) -> str:
    rss, files, threads = (Line.through(samples, what) for what in ("rss", "files", "threads"))
    lasted = samples[-1].at - samples[0].at
    return (f"{lasted:.0f} s; RSS {samples[-1].rss >> 20} MiB, at most {max(sample.rss for sample in samples) >> 20} MiB, "
            f"{rss.per_s * 3600 / (1 << 20):+.1f} MiB/h (noise {rss.noise / (1 << 20):.1f} MiB); "
            f"files {samples[-1].files}, {files.per_s * lasted:+.2f} over the run; threads {samples[-1].threads}, "
            f"{threads.per_s * lasted:+.2f}")
