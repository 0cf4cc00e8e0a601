# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks, in the order of their levels."""

from host.stress.check import Check
from host.stress.checks.automation import AutomationIsOnTime
from host.stress.checks.careless import SurvivesWrongBlockSizes
from host.stress.checks.claims import LatencyIsTrue, TailIsTrue
from host.stress.checks.editor import OpensItsEditor
from host.stress.checks.fuzz import SurvivesAnything
from host.stress.checks.key import HearsItsSideChain
from host.stress.checks.life import LeavesTheProcessAlone, LivesAndDies
from host.stress.checks.limits import AsksForNothingForbidden, StaysInItsBuffers
from host.stress.checks.null import AnyBlockSize, InPlaceOrNot, SameEachTime
from host.stress.checks.ranges import (
    AnyRateAndSize,
    EveryParameter,
    EveryProgram,
    WordsMeanWhatTheySay,
)
from host.stress.checks.rates import SameAtAnyRate
from host.stress.checks.realtime import (
    AllocatesNothing,
    AsksTheKernelForNothing,
    LocksNothing,
    MakesGoodNumbers,
)
from host.stress.checks.resources import BearsLackOfMemory, GivesBackWhatItTakes, ManyAtOnce
from host.stress.checks.scarcity import (
    SurvivesAFullDisk,
    SurvivesASlowDisk,
    SurvivesFailedAllocations,
    SurvivesNoNetwork,
)
from host.stress.checks.shape import (
    LeavesTheTopsRound,
    NoClicksBetweenBlocks,
    NoClicksInsideBlocks,
)
from host.stress.checks.sound import (
    KeepsTheMiddle,
    RecoversFromNonsense,
    SendsNumbers,
)
from host.stress.checks.state import StateIsTheSound, SurvivesBrokenState
from host.stress.checks.timing import (
    MeetsItsDeadlines,
    NotSlowerForQuietSounds,
    TouchesOnlyItsMemory,
)

ALL: tuple[type[Check], ...] = tuple(
    sorted(
        (
            LivesAndDies,
            SendsNumbers,
            LeavesTheProcessAlone,
            AsksForNothingForbidden,
            SameEachTime,
            EveryParameter,
            StateIsTheSound,
            MeetsItsDeadlines,
            AnyBlockSize,
            AnyRateAndSize,
            SameAtAnyRate,
            EveryProgram,
            InPlaceOrNot,
            KeepsTheMiddle,
            LatencyIsTrue,
            NoClicksBetweenBlocks,
            NoClicksInsideBlocks,
            LeavesTheTopsRound,
            StaysInItsBuffers,
            AllocatesNothing,
            LocksNothing,
            AsksTheKernelForNothing,
            MakesGoodNumbers,
            WordsMeanWhatTheySay,
            AutomationIsOnTime,
            HearsItsSideChain,
            ManyAtOnce,
            NotSlowerForQuietSounds,
            RecoversFromNonsense,
            SurvivesBrokenState,
            TailIsTrue,
            TouchesOnlyItsMemory,
            GivesBackWhatItTakes,
            SurvivesAnything,
            BearsLackOfMemory,
            SurvivesWrongBlockSizes,
            SurvivesFailedAllocations,
            SurvivesAFullDisk,
            SurvivesASlowDisk,
            SurvivesNoNetwork,
            OpensItsEditor,
        ),
        key=lambda check: check.level,
    )
)
BY_NAME = {check.name: check for check in ALL}
