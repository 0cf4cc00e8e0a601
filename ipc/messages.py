# SPDX-License-Identifier: GPL-3.0-or-later
"""The control messages between host, launcher and workers.

Every request names its reply as the parameter of `Request`; the reply to any request may also be
Failed. Messages are decoded into these types and nothing else: an unknown type, a missing or
unknown field, or a value out of range is refused as a whole. What a worker sends is hostile to
the host, so the limits stand here, in the types.

Protocol versions
    1  first protocol
    2  a failure says whether there is no such plugin
    3  a worker may hold several slots: gather, and `member`
    4  a worker may look at plugins instead of playing them: visit, list and probe
    5  a worker may put a plugin on a test rig: mount and perform
    6  a rig says how far a render has come: advance
    7  a worker may be told to ask about its writes: `disk_watched`; writes on a rig may take long
    8  programs are set while a plugin plays, and by an edit of a load: parameter -1; a worker may
       open its plugins' own windows: open_window, close_window and window_news
    9  a plugin on a rig may meet the rig's own buffers: `direct`; a rig plays side-chains: the
       `key` of a render; a failure says whether the plugin is more than the host carries
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

import msgspec
from msgspec import Meta

from ipc._native import MAX_REPORTED_LATENCY
from ipc.description import PluginDescription
from ipc.names import SegmentNames
from ipc.permissions import Permissions
from ipc.rig_calls import MAX_CALLS, AnyCall, CallResult, Frames

PROTOCOL_VERSION = 9

ORDINARY_FRAME_BYTES = 64 * 1024
# Plugins have states of megabytes (samples) and descriptions of thousands of parameters.
LARGE_FRAME_BYTES = 64 * 1024 * 1024

Count = Annotated[int, Meta(ge=0, le=2**53)]
Normalized = Annotated[float, Meta(ge=0.0, le=1.0)]
Milliseconds = Annotated[float, Meta(ge=0.0)]
# What a worker has to say of a song's values that its plugin refused: kept in the host's log.
MAX_LINES = 256
MAX_LINE = 1000
Lines = Annotated[list[Annotated[str, Meta(max_length=MAX_LINE)]], Meta(max_length=MAX_LINES)]
LatencyFrames = Annotated[int, Meta(ge=0, le=MAX_REPORTED_LATENCY)]
# Of a plugin; a path and more.
MAX_ID = 8192
# Plugins in one file: lsp-plugins has more than 150.
MAX_LISTED = 4096
# Slots in one worker: what one crash may take along.
MAX_MEMBERS = 32
MemberNumber = Annotated[int, Meta(ge=0, le=MAX_MEMBERS - 1)]

# What a rig's audio thread is called (sandbox/native/rig_run.cpp).
RIG_THREAD_NAME = "isb-rig"

R = TypeVar("R", bound="Message")


class Message(msgspec.Struct, forbid_unknown_fields=True, tag_field="type"):
    """What may stand in a frame. `max_frame_bytes` limits the frame of this type."""

    max_frame_bytes: ClassVar[int] = ORDINARY_FRAME_BYTES


class Request(Message, Generic[R]):
    """A message that is answered by exactly one R, or by Failed."""


def reply_type(request: type[Request[Any]]) -> type[Message]:
    """The reply that a request type names."""
    for base in request.__orig_bases__:  # type: ignore[attr-defined]
        if arguments := get_args(base):
            found: type[Message] = arguments[0]
            return found
    raise TypeError(f"{request.__name__} names no reply type")


# -- replies to any request ---------------------------------------------------------------------


class Failed(Message, tag="failed"):
    """The request could not be done; `phase` says at which step, `message` is for people.

    `no_such_plugin`: no plugin failed, because there is none to load: nothing to report.
    `no_editor`: the plugin has no window of its own to open, now or later.
    `not_carried`: the plugin is more than this host carries, and did not fail.
    """

    phase: Annotated[str, Meta(max_length=64)]
    message: Annotated[str, Meta(max_length=8192)]
    no_such_plugin: bool = False
    no_editor: bool = False
    not_carried: bool = False


class Progress(Message, tag="progress"):
    """Sent before the reply: the request has come to this phase.

    When a worker dies, the last one says in which phase.
    """

    phase: Annotated[str, Meta(max_length=64)]


class Advance(Message, tag="advance"):
    """Sent now and then during a long render: `done` of its `frames` have been played."""

    done: Frames
    frames: Frames


# -- both launcher and worker -------------------------------------------------------------------


class Welcome(Message, tag="welcome"):
    """The peer speaks the same protocol and shares the same memory layout."""

    protocol: int
    layout_version: int
    pid: Annotated[int, Meta(ge=1)]


class Hello(Request[Welcome], tag="hello"):
    """The first message on every connection. Other versions are refused by name.

    Host and launcher may differ when the program was updated while the host ran.
    """

    protocol: int
    layout_version: int


class Inspection(Message, tag="inspection"):
    max_frame_bytes: ClassVar[int] = 1024 * 1024
    modules: list[str]
    threads: list[str]  # names, as the kernel knows them
    open_files: dict[int, str]


class Inspect(Request[Inspection], tag="inspect"):
    """What the process has loaded and holds open: for `doctor` and tests."""


# -- launcher -----------------------------------------------------------------------------------


RIG = "rig"  # no format: nobody may call one so


class Warmed(Message, tag="warmed"):
    duration_ms: Milliseconds


class Warm(Request[Warmed], tag="warm"):
    """Prepares a plugin format, or with RIG test rigs, once, so that no worker has to."""

    format: Annotated[str, Meta(max_length=64)]


class Spawned(Message, tag="spawned"):
    pid: Annotated[int, Meta(ge=1)]


class Spawn(Request[Spawned], tag="spawn"):
    """Forks a worker.

    Three descriptors travel with the frame: the worker's end of its control socket, the pipe that
    becomes its standard output and error, and the file for its crash snapshot.
    """


# -- worker -------------------------------------------------------------------------------------


class Loaded(Message, tag="loaded"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    description: PluginDescription
    state_used: Annotated[int, Meta(ge=-1)]  # index into Load.states; -1: none
    state_errors: Lines  # why the states before it were refused, one each
    parameters_rejected: Lines  # one line each
    applied_edit: Count
    latency_frames: LatencyFrames
    tail_s: Annotated[float, Meta(ge=0.0)]  # may be infinite
    accepts_midi: bool
    produces_midi: bool
    thread_id: Count  # of the audio thread
    realtime: bool  # whether that thread got its priority
    load_ms: Milliseconds
    phases_ms: dict[str, Milliseconds]


class ChainGeometry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of ipc._native.Geometry."""

    records: int
    max_frames: int
    sample_rate: float


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slot that a worker will hold: what it plays, and where."""

    plugin: str
    geometry: ChainGeometry
    segments: SegmentNames
    record: int


# How a worker tells which member it ended for, where it ends by itself.
EXIT_MEMBER = 96


# The main thread of a group's worker, while it runs what some or other of the members have to do.
SHARED_IDLE_NAME = "isb-idle"


def member_thread_name(member: int) -> str:
    """The main thread of a group's worker, while it runs this member's code."""
    return f"isb-member-{member}"


class Gathered(Message, tag="gathered"):
    """All members can be loaded now."""


class Gather(Request[Gathered], tag="gather", kw_only=True):
    """Makes the worker the home of several slots: attaches to all their chains and locks down, for
    what any of them may do, because no member can once another one's code runs.

    Each is loaded by a Load with its number, which attaches and confines no more. One descriptor
    may travel along, as with Load.
    """

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    members: Annotated[list[Member], Meta(min_length=1, max_length=MAX_MEMBERS)]
    realtime: bool = False  # whether a member's audio thread will have a priority
    permissions: Permissions = Permissions()


class Load(Request[Loaded], tag="load", kw_only=True):
    """Makes the worker one slot of a chain: the first and only one of its life, or, after a Gather,
    the `member`th of those.

    One descriptor may travel along: the socket on which the worker tells what it was confined to.

    In this order: attach to the chain, lock down, load the plugin, restore the newest of `states`
    that it takes, set program, parameters (by index, id or name; a string is parsed by the
    plugin) and journalled edits, warm up, start the audio thread, activate the record.
    """

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    plugin: str
    sample_rate: float
    max_frames: int
    sidechain: bool = False
    offline: bool = False
    geometry: ChainGeometry
    segments: SegmentNames
    record: int
    states: list[bytes] = []
    program: int | None = None
    parameters: dict[str, float | str] = {}
    # (edit number, parameter index, normalized value), in their order; parameter -1 is the program,
    # its value the program's index
    edits: list[tuple[int, int, float]] = []
    priority: int = 0  # SCHED_FIFO priority of the audio thread; 0: none
    cpu: int = -1  # core of the audio thread; -1: any
    warm_up_blocks: int = 8
    permissions: Permissions = Permissions()
    member: MemberNumber = 0


class SavedState(Message, tag="saved_state"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    data: bytes
    applied_edit: Count  # read before the capture: the state contains at least these edits


class SaveState(Request[SavedState], tag="save_state"):
    """Captures the plugin's state while it plays on."""

    member: MemberNumber = 0


class ProgramSet(Message, tag="program_set"):
    """It is heard from the next block on."""


class SetProgram(Request[ProgramSet], tag="set_program"):
    """One of the plugin's own programs, while it plays on."""

    index: Count
    member: MemberNumber = 0


class Parameters(Message, tag="parameters"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    values: list[Normalized]


class GetParameters(Request[Parameters], tag="get_parameters"):
    """The values of all parameters, in order."""

    member: MemberNumber = 0


class Text(Message, tag="text"):
    text: Annotated[str, Meta(max_length=4096)]


class ParameterText(Request[Text], tag="parameter_text"):
    """How the plugin writes this value of a parameter, e.g. "-6.0 dB"."""

    index: Count
    value: Normalized
    member: MemberNumber = 0


class Value(Message, tag="value"):
    value: Normalized


class ParameterFromText(Request[Value], tag="parameter_from_text"):
    """The value that the plugin reads from a text."""

    index: Count
    text: Annotated[str, Meta(max_length=4096)]
    member: MemberNumber = 0


# What a message tells of at once; more comes in further ones.
MAX_WINDOW_EDITS = 256


class WindowEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parameter was changed in a plugin's own window. Those of one `gesture`, such as a knob that
    is dragged, belong together; `before` is its value before that."""

    parameter: Count
    value: Normalized
    before: Normalized
    gesture: Count


class WindowNews(Message, tag="window_news", kw_only=True):
    """Sent unasked while a plugin's own window is open."""

    member: MemberNumber = 0
    edits: Annotated[list[WindowEdit], Meta(max_length=MAX_WINDOW_EDITS)] = []
    is_heard: bool = False  # what plays has the values already; else the host must send them
    is_closed: bool = False  # by its user


class WindowOpened(Message, tag="window_opened"):
    """It is seen."""


class OpenWindow(Request[WindowOpened], tag="open_window", kw_only=True):
    """Opens the plugin's own window, or brings the one that is open to the front. The worker must
    have been permitted the display when it loaded."""

    title: Annotated[str, Meta(max_length=MAX_LINE)]
    above: Count = 0  # another client's window of X11 that it shall stay above of; 0: none
    member: MemberNumber = 0


class WindowClosed(Message, tag="window_closed"):
    pass


class CloseWindow(Request[WindowClosed], tag="close_window"):
    """Does nothing where none is open."""

    member: MemberNumber = 0


class Description(Message, tag="description"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    plugin: PluginDescription


class Describe(Request[Description], tag="describe"):
    """Loads a plugin only to describe it; the worker cannot become a slot afterwards. One
    descriptor may travel along, as with Load."""

    plugin: str
    sample_rate: float = 48000.0
    max_frames: int = 512
    permissions: Permissions = Permissions()


class Visited(Message, tag="visited"):
    """Any of the plugins can be listed and probed now."""


class Visit(Request[Visited], tag="visit", kw_only=True):
    """Makes the worker one that looks at plugins: locks down, for what any of them may do, because
    none can once another one's code has run. ListPlugins and Probe may follow, any number of them.

    One descriptor may travel along, as with Load.
    """

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    # As for Load; of a file that holds several, FORMAT:PATH will do, and of a bundle any one.
    plugins: Annotated[
        list[Annotated[str, Meta(max_length=MAX_ID)]], Meta(min_length=1, max_length=MAX_LISTED)
    ]
    permissions: Permissions = Permissions()


class ListedPlugin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the plugins in a file, as the file tells of it."""

    id: Annotated[str, Meta(max_length=MAX_ID)]  # as for Load
    name: Annotated[str, Meta(max_length=MAX_LINE)]  # may be empty
    # Why it need not be tried, for people; empty: nothing is wrong so far.
    problem: Annotated[str, Meta(max_length=MAX_LINE)] = ""


class PluginList(Message, tag="plugin_list"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    plugins: Annotated[list[ListedPlugin], Meta(max_length=MAX_LISTED)]


class ListPlugins(Request[PluginList], tag="list_plugins"):
    """Says which plugins a file or bundle holds. Runs the file's code, but for LV2, whose bundles
    say it in text."""

    format: Annotated[str, Meta(max_length=64)]
    path: Annotated[str, Meta(max_length=4096)]  # absolute


class PluginName(Message, tag="plugin_name"):
    name: Annotated[str, Meta(max_length=MAX_LINE)]  # empty: it is not known


class NamePlugin(Request[PluginName], tag="name_plugin"):
    """Says what a plugin is called as far as that is known without running its code."""

    plugin: Annotated[str, Meta(max_length=MAX_ID)]


class DeepFindings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deep probe found beyond that a plugin works; `findings` are lines for people."""

    parameters_tried: Count = 0
    programs_tried: Count = 0
    measured_latency_frames: Annotated[int, Meta(ge=0)] | None = None  # None: it cannot be told
    measured_tail_s: Annotated[float, Meta(ge=0.0)] | None = None  # the same
    findings: Lines = []


class Probed(Message, tag="probed"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    description: PluginDescription  # with the size of its state
    phases_ms: dict[str, Milliseconds]
    memory_bytes: Count  # private memory that its creation and playing took
    peak: Annotated[float, Meta(ge=0.0)]  # of its output, linear
    nonfinite: Count  # samples that were NaN or Inf
    refused_blocks: Count
    longest_block_ms: Milliseconds
    process_ms: Milliseconds  # of a second of sound
    deep: DeepFindings | None = None


class Probe(Request[Probed], tag="probe"):
    """Takes one plugin through its life: load its code, create, activate, describe, process a
    second of noise and a note, save its state, destroy."""

    plugin: Annotated[str, Meta(max_length=MAX_ID)]
    sample_rate: float = 48000.0
    max_frames: int = 512
    deep: bool = False


class Mounted(Message, tag="mounted", kw_only=True):
    """The plugin is on the rig. `changed`: what its creation changed of the process."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    description: PluginDescription
    changed: Lines = []
    memory_bytes: Count = 0
    threads: Count = 0
    files: Count = 0
    maps: Count = 0
    latency_frames: Count = 0
    tail_s: Annotated[float, Meta(ge=0.0)] = 0.0


class Mount(Request[Mounted], tag="mount"):
    """Creates a plugin that calls can be performed on. After a visit; once in a worker's life."""

    plugin: Annotated[str, Meta(max_length=MAX_ID)]
    sample_rate: float = 48000.0
    max_frames: int = 512
    # Of X11, such as ":99", for its editor; the worker must be permitted to reach it. Empty: none.
    display: Annotated[str, Meta(max_length=64)] = ""
    # It meets the rig's very buffers, past JUCE, which copies those of VST3 and LV2 plugins.
    direct: bool = False


class Performed(Message, tag="performed"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    results: Annotated[list[CallResult], Meta(max_length=MAX_CALLS)]


class Perform(Request[Performed], tag="perform"):
    """Does to the plugin on the rig what the calls say, in order. Each is announced as a phase of
    the form "call NUMBER KIND", counted from the first since the plugin was mounted."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    calls: Annotated[list[AnyCall], Meta(max_length=MAX_CALLS)]


class Stopped(Message, tag="stopped"):
    """Sent just before the worker exits with code 0."""


class Stop(Request[Stopped], tag="stop"):
    """Ends the worker."""


LauncherRequest = Hello | Warm | Spawn | Inspect
LauncherReply = Welcome | Warmed | Spawned | Inspection | Failed
WorkerRequest = (
    Hello
    | Gather
    | Load
    | SaveState
    | SetProgram
    | GetParameters
    | ParameterText
    | ParameterFromText
    | OpenWindow
    | CloseWindow
    | Describe
    | Visit
    | ListPlugins
    | NamePlugin
    | Probe
    | Mount
    | Perform
    | Inspect
    | Stop
)
WorkerReply = (
    Welcome
    | Gathered
    | Loaded
    | SavedState
    | ProgramSet
    | Parameters
    | Text
    | Value
    | WindowOpened
    | WindowClosed
    | WindowNews
    | Description
    | Visited
    | PluginList
    | PluginName
    | Probed
    | Mounted
    | Performed
    | Inspection
    | Stopped
    | Failed
    | Progress
    | Advance
)
