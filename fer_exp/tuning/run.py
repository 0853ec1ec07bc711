"""Running a search or a retrain: fork server, data, tracker, loop, summary.

In: what to do and under which conditions. Out: a campaign folder, MLflow level with it if it answers, and a result to
print. The order wastes no second: Keras loads in the fork server while this process reads the data and loads Keras
Tuner; MLflow loads in the tracker's process while the first trial trains.
"""

from collections.abc import Callable
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.campaign import AT_REST, Campaign, CampaignSpec, Settings
from fer_exp.campaign.changes import refuse_other_settings
from fer_exp.campaign.objective import refuse_undecided, refuse_without_votes
from fer_exp.data.split.prepare import prepare
from fer_exp.execute.dispatch import Work
from fer_exp.execute.engine import Engine
from fer_exp.execute.local import start_fork_server
from fer_exp.execute.loop import Ending, Loop
from fer_exp.records import Record, State, records_in
from fer_exp.system.errors import Busy, FerExpError, TrackingFailed
from fer_exp.system.lock import Lock, lock
from fer_exp.system.stderr import stderr_to
from fer_exp.system.words import counted
from fer_exp.tuning.conditions import Conditions
from fer_exp.tuning.disk_need import Need, require
from fer_exp.tuning.interrupts import interruptible, running_tracker
from fer_exp.tuning.proposer import fewer_points
from fer_exp.tuning.reuse import training_on
from fer_exp.tuning.store_check import refuse_moved_store
from fer_exp.tuning.values import DataChoice, Result, Retrained, RetrainOptions

if TYPE_CHECKING:
    from fer_exp.verdict import Comparison

__all__ = ["FORK_SERVER_LOG", "Conditions", "run_loop", "run_retrain", "run_search"]

SAMPLES = 32  # recipes of a space, to see how large its networks become
HURRIED = 5.0  # seconds that a search which was told twice to stop waits for MLflow
FORK_SERVER_LOG = "forkserver.log"  # in the cache: what native libraries print while they load


def run_search(
    campaign: Campaign,
    settings: Settings,
    file: str,
    fingerprint: str,
    data: DataChoice,
    conditions: Conditions,
    source: bytes | None = None,
) -> Result:
    """Runs a campaign, or goes on with it. `source`, the campaign file's text, is kept in the campaign's folder.

    Raises:
        FerExpError: Data, campaign or state cannot be used, or trials fail; records made so far stay.
    """
    with interruptible(), training_on(conditions.device_kind):
        return _search(campaign, settings, file, fingerprint, data, conditions, source)


def _search(
    campaign: Campaign,
    settings: Settings,
    file: str,
    fingerprint: str,
    data: DataChoice,
    conditions: Conditions,
    source: bytes | None,
) -> Result:
    folder = conditions.home.campaign(campaign.name)
    _refuse_at_once(folder, campaign, settings)
    conditions.watcher.say("Loading Keras and Keras Tuner.")
    context = _fork_server(conditions)
    with stderr_to():
        from fer_exp.tuning.make import make_proposer
        from fer_exp.tuning.search_request import SearchRequest
        from fer_exp.tuning.teacher import find_teacher
        from fer_exp.tuning.trials import SearchWork

        propose = conditions.propose or make_proposer
    if conditions.tracking:
        refuse_moved_store(conditions.home, campaign.name)
    with stderr_to():  # a proposer of Keras Tuner's loads Keras now
        proposer = propose(campaign, settings)  # before the data: what is wrong with a space shows at once
    for note in fewer_points(settings, proposer.plan()):
        conditions.watcher.say(note)
    conditions.watcher.say(f"Reading {data.source}.")
    development = prepare(
        data.source,
        protocol=settings.protocol,
        seed=settings.seed,
        limit=settings.limit,
        cache=conditions.home.cache,
        reading=data.reading,
        cleaning=settings.cleaning,
        fold=settings.test_fold,
    )
    for note in development.info.notes:
        conditions.watcher.say(note)
    refuse_undecided(settings.objective, development.info)
    refuse_without_votes((campaign.baseline, *proposer.samples(SAMPLES)), development.info)
    teacher = find_teacher(conditions.home, campaign.name, settings.teacher, development.info)
    if teacher is not None:
        conditions.watcher.say(f"Recipes with distillation learn from {teacher.teacher.record}.")
    with lock(folder, conditions.watcher.say) as holding:
        ended = sum(record.outcome() is not None for record in records_in(folder / "trials"))
        need = Need(
            recipes=(campaign.baseline, *proposer.samples(SAMPLES)),
            trainings=max(proposer.plan().trials - ended, 0),
            epochs=settings.epochs,
            models=None if settings.keep_models is None else settings.keep_models + 1,
            workers=conditions.workers,
            images=sum(development.info.validation_counts),
            form=development.info.form,
            promotions=settings.algorithm.promotes,
            shown=conditions.shows_here,
        )
        require(conditions.home.root, need, campaign.name, conditions.watcher.say)
        request = SearchRequest(campaign, settings, file, fingerprint, development, propose, source, teacher)
        work = SearchWork(folder, request, holding.check)
        for note in work.notes:
            conditions.watcher.say(note)
        promotions = settings.algorithm.promotes
        engine = conditions.engine_on(development.folder, context, keep_checkpoints=promotions)
        return run_loop(work, engine, context, conditions, holding, work.close, "finished")


def _fork_server(conditions: Conditions) -> ForkServerContext:
    return start_fork_server(conditions.home.cache / FORK_SERVER_LOG, conditions.to_load)


def _refuse_at_once(folder: Path, campaign: Campaign, settings: Settings) -> None:
    """What can be refused before anything is loaded: a campaign that somebody drives, or that has other settings.

    Raises:
        Busy: Somebody drives it.
        BadCampaign: It was started with other settings or another baseline.
        BadRecord: Its own file is damaged.
    """
    if (folder / "lock.json").exists():
        with lock(folder):
            pass
    if (folder / "campaign.json").exists():
        refuse_other_settings(CampaignSpec.read(folder / "campaign.json"), settings, campaign.baseline)


def run_retrain(campaign: CampaignSpec, options: RetrainOptions, data: DataChoice, conditions: Conditions) -> Retrained:
    """Trains a trial of `campaign` again with several seeds and registers the best of them.

    Raises:
        FerExpError: The campaign has no such trial, the data are others than it was run on, or no seed finished.
    """
    with interruptible(), training_on(conditions.device_kind):
        return _retrain(campaign, options, data, conditions)


def _retrain(campaign: CampaignSpec, options: RetrainOptions, data: DataChoice, conditions: Conditions) -> Retrained:
    home, watcher = conditions.home, conditions.watcher
    folder = home.campaign(campaign.name)
    if conditions.tracking:
        refuse_moved_store(home, campaign.name)
    with lock(folder, conditions.watcher.say) as holding:
        from fer_exp.tuning import retrain

        trial = retrain.choose(folder, campaign, options.trial)
        watcher.say("Loading Keras.")
        context = _fork_server(conditions)
        start = retrain.champion_model(home, campaign, trial) if options.recover else None
        repeat = retrain.Repeat(
            campaign=campaign,
            trial=trial,
            seeds=options.seeds,
            epochs=options.epochs or campaign.settings.epochs,
            development=retrain.same_data(campaign, data.source, home.cache, limit=options.limit, reading=data.reading),
            start=start,
            baseline=retrain.baseline_to_beat(
                folder, trial, options.seeds, recover=options.recover, wanted=options.against_baseline
            ),
        )
        trainings = options.seeds * (1 if repeat.baseline is None else 2)
        need = Need(
            recipes=(trial.spec().recipe, campaign.baseline),
            trainings=trainings,
            epochs=repeat.epochs,
            models=trainings,
            workers=conditions.workers,
            images=sum(repeat.development.info.validation_counts),
            form=repeat.development.info.form,
            shown=conditions.shows_here,
        )
        require(home.root, need, campaign.name, watcher.say)
        work = retrain.RetrainWork(folder, repeat)
        for note in work.notes:
            watcher.say(note)
        spec = trial.spec()
        beside = ", and the baseline beside it" if repeat.baseline is not None else ""
        watcher.say(
            f"Training {spec.kind} {spec.number} of {campaign.name} again{beside}: {counted(options.seeds, 'seed')} "
            f"from {campaign.settings.seed + 1}, {repeat.epochs} epochs each."
        )
        engine = conditions.engine_on(repeat.development.folder, context)
        result = run_loop(work, engine, context, conditions, holding, lambda: None, AT_REST)
        if result.ending is Ending.STOPPED:
            return Retrained(result, None, None)
        chosen = retrain.to_register(work.records(), campaign)
        comparison, uncompared = _compared(work.records(), work.baselines())
        if not conditions.tracking or result.behind is not None:
            return Retrained(result, chosen, None, comparison, uncompared)
        from fer_exp.tuning.promote import promote

        try:
            from fer_exp.verdict.words import sentence

            promotion = promote(
                home,
                campaign,
                chosen,
                seeds=work.records(),
                replace=options.replace_champion,
                verdict="" if comparison is None else sentence(comparison),
                handed_over=lambda: conditions.write_report(
                    campaign.name, "Naming the registered model in the report."
                ),
            )
        except TrackingFailed as error:  # what was trained, and how it compares, is told all the same
            return Retrained(replace(result, behind=error.problem), chosen, None, comparison, uncompared)
        return Retrained(result, chosen, promotion, comparison, uncompared)


def _compared(records: list[Record], baselines: list[Record]) -> tuple["Comparison | None", str | None]:
    """The verdict on the finished of `records` against those of `baselines`, or why there is none.

    What was trained is to be handed over whether it can be compared or not, so an error is told and goes no further.
    """
    if not baselines:
        return None, None
    from fer_exp.verdict import Group, compare_groups

    ours, theirs = ([one for one in some if one.state() is State.FINISHED] for some in (records, baselines))
    if not theirs:
        return None, "no seed of the baseline finished"
    try:
        return compare_groups(Group.of(ours), Group.of(theirs)), None
    except FerExpError as error:
        return None, error.problem


def run_loop(
    work: Work,
    engine: Engine,
    context: ForkServerContext,
    conditions: Conditions,
    holding: Lock,
    close: Callable[[], None],
    state_when_done: str,
) -> Result:
    """Trains what the work hands out, shows it, and ends with summary and report.

    Args:
        work: Hands out records.
        engine: Trains them.
        context: Of the fork server, for the tracker.
        conditions: Where and how.
        holding: The campaign's lock.
        close: Called where everything was done.
        state_when_done: What MLflow shows then.

    Raises:
        FerExpError: Trials fail, or another process took the campaign.
    """
    folder = holding.path.parent
    seconds = None if conditions.max_hours is None else conditions.max_hours * 3600
    with running_tracker(context, conditions.home.root, work.name, wanted=conditions.tracking) as tracker:
        loop = Loop(work, engine, conditions.watcher, tracker, seconds, holding.check)
        try:
            ending = loop.run()
        except Busy:  # another process drives the campaign now, and shows it
            raise
        except Exception:
            if tracker is not None:
                tracker.finish("failed")
            raise
        holding.check()
        if ending is Ending.DONE:
            close()
        from fer_exp.summary import summarise

        summarise(folder)
        if loop.requests <= 1:  # whoever asked twice to stop does not wait for a page
            conditions.write_report(work.name)
        behind = None
        if tracker is not None:
            conditions.watcher.say("Bringing MLflow level with the records.")
            state = state_when_done if ending is Ending.DONE else "interrupted"
            behind = tracker.finish(state, HURRIED if loop.requests > 1 else None)
        return Result(ending, folder, work.rows(), behind, requested=loop.requests > 0)
