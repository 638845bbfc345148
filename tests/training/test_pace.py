"""Trainings of limited time, by a clock that steps and evaluations move."""

import math

import pytest

from segkit.base.errors import ConfigError, OutputError
from segkit.recipe.config import TrainConfig
from segkit.training import pace as module
from segkit.training import train as training
from segkit.training.events import Evaluated, Note, Step
from segkit.training.learner import Learner
from segkit.training.pace import MARGIN, Pace
from segkit.training.schedule import Due
from segkit.training.state import Counters, read_state
from segkit.training.train import train
from segkit.weights.files import read_weights

STEP, PICTURE = 10.0, 6.0
"""Seconds that a step and a picture of an evaluation take; `pictures` has two to validate, and a margin is kept."""
RESERVED = 2 * PICTURE * MARGIN


@pytest.fixture
def clock(monkeypatch):
    """The time, in a list of one, and what it is moved by."""
    now = [5000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    step, evaluate = Learner.step, module.evaluate

    def slow_step(*arguments):
        now[0] += STEP
        return step(*arguments)

    def slow_evaluate(model, dataset, **options):
        now[0] += PICTURE * len(dataset)
        return evaluate(model, dataset, **options)

    monkeypatch.setattr(Learner, "step", slow_step)
    for place in (module, training):
        monkeypatch.setattr(place, "evaluate", slow_evaluate)
    return now


def run(config, out, **options):
    events = []
    train(config, out, listen=events.append, **options)
    return events


def steps_of(events):
    return [event for event in events if isinstance(event, Step)]


def evaluated_at(events):
    return [event.iteration for event in events if isinstance(event, Evaluated)]


def test_without_a_limit_no_clock_is_read_and_iterations_tell_alone(monkeypatch):
    monkeypatch.setattr(module, "monotonic", None)
    counters = Counters(iteration=7)
    pace = Pace(TrainConfig(iterations=10), counters)
    assert pace.due() == Due(7, 1.0) and isinstance(pace.due().iteration, int)
    assert not pace.is_over() and pace.has_room() and pace.seconds == 0 and pace.seconds_left == math.inf


def test_a_training_ends_in_time_with_an_evaluated_model(tmp_path, recipe, clock):
    began = clock[0]
    # So many that what is left is told by the time, on the fastest machine too.
    events = run(recipe(iterations=10**6, evaluate_every=1000, max_minutes=2, lr=0.02), tmp_path / "run")
    tried = 3 * PICTURE  # one to warm up, and both
    count = int((120 - tried - RESERVED) / STEP)
    assert evaluated_at(events) == [len(steps_of(events))] == [count]
    assert 120 - STEP - 0.1 * RESERVED <= clock[0] - began <= 120
    state = read_state(tmp_path / "run" / "state.safetensors")
    assert state.counters.timed_out and state.counters.iteration == count
    assert state.counters.seconds == pytest.approx(tried + count * STEP + 2 * PICTURE)
    assert read_weights(tmp_path / "run" / "best.safetensors").training["iteration"] == count
    # The schedule is laid over the time: of each step, what was used of the time to train in.
    for number, step in enumerate(steps_of(events)):
        used = (tried + number * STEP) / (120 - RESERVED)
        assert step.lr == pytest.approx(0.02 * (1 - used) ** 0.9)
        assert step.seconds_left == pytest.approx(120 - RESERVED - tried - (number + 1) * STEP)


def test_iterations_stay_the_upper_limit_and_keep_their_own_schedule(tmp_path, recipe, clock):
    plain = run(recipe(iterations=4), tmp_path / "plain")
    timed = run(recipe(iterations=4, max_minutes=600), tmp_path / "timed")
    rates, expected = ([step.lr for step in steps_of(events)] for events in (timed, plain))
    assert rates[1:] == expected[1:] and rates[0] == pytest.approx(expected[0], rel=1e-3)
    assert evaluated_at(timed) == [2, 4]
    assert not read_state(tmp_path / "timed" / "state.safetensors").counters.timed_out


def test_an_evaluation_in_between_is_left_out_where_it_would_cost_the_last(tmp_path, recipe, clock):
    for every, expected in ((2, [2, 4, 6]), (7, [8])):
        began = clock[0]
        events = run(recipe(iterations=1000, evaluate_every=every, max_minutes=2), tmp_path / f"run{every}")
        assert evaluated_at(events) == expected
        assert clock[0] - began <= 120


def test_time_used_is_kept_and_a_run_goes_on_with_the_rest(tmp_path, recipe, clock):
    config = recipe(iterations=1000, evaluate_every=1000, save_minutes=1e-9, max_minutes=2)

    class StopError(Exception):
        pass

    def stop(event):
        if isinstance(event, Step) and event.iteration == 4:
            raise StopError

    with pytest.raises(StopError):
        train(config, tmp_path / "run", listen=stop)
    clock[0] += 10_000  # nothing ran
    began = clock[0]
    events = run(config, tmp_path / "run", resume=True)
    assert evaluated_at(events) == [7] and [step.iteration for step in steps_of(events)] == [4, 5, 6, 7]
    used = 2 * 3 * PICTURE + 3 * STEP  # what was saved, and trying the first pictures once more
    assert clock[0] - began <= 120 - 3 * PICTURE - 3 * STEP
    assert steps_of(events)[0].lr == pytest.approx(config.train.lr * (1 - used / (120 - RESERVED)) ** 0.9)
    # It is finished; and goes on for more minutes by their schedule, where there are more iterations left.
    assert not steps_of(run(config, tmp_path / "run", resume=True))
    longer = recipe(iterations=1000, evaluate_every=1000, save_minutes=1e-9, max_minutes=4)
    events = run(longer, tmp_path / "run", resume=True)
    assert steps_of(events)[0].iteration == 8 and evaluated_at(events)[-1] > 8
    assert any(isinstance(event, Note) and "train.max_minutes is 4.0 now and was 2.0" in event.text for event in events)
    with pytest.raises(OutputError, match=r"was begun with train\.max_minutes=4\.0, not None"):
        train(recipe(iterations=1000, evaluate_every=1000), tmp_path / "run", resume=True)


def test_a_run_that_is_resumed_too_late_for_a_step_takes_none(tmp_path, recipe, clock):
    run(recipe(iterations=1000, evaluate_every=1000, max_minutes=2), tmp_path / "run")
    kept = (tmp_path / "run" / "last.safetensors").read_bytes()
    began = clock[0]
    events = run(recipe(iterations=1000, evaluate_every=1000, max_minutes=2.2), tmp_path / "run", resume=True)
    assert not steps_of(events) and not evaluated_at(events)
    assert clock[0] - began == 3 * PICTURE and (tmp_path / "run" / "last.safetensors").read_bytes() == kept


def test_a_time_that_the_evaluation_alone_takes_is_refused_before_anything_is_written(tmp_path, recipe, clock):
    with pytest.raises(ConfigError, match=r"train.max_minutes=0.2: the evaluation alone takes about 0.2 minutes here"):
        train(recipe(max_minutes=0.2), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_step_forgets_as_much_as_the_iterations_that_it_stands_for(clock):
    counters = Counters()
    pace = Pace(TrainConfig(iterations=100, max_minutes=1), counters)
    assert pace.due() == Due(0, 1)
    clock[0] += 30
    counters.iteration = 1
    assert pace.due() == Due(50, 50)
    pace.evaluated(20 / MARGIN)
    counters.iteration = 2
    assert pace.due() == Due(75, 25)
    pace.evaluated(0)
    counters.iteration = 3
    assert pace.due() == Due(75, 0)  # never back
