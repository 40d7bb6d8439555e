"""Programs in a process of their own and as functions: where they run, what they print, how they fail."""

import pulumi
import pytest


def messages(runs, severity):
    return [event.message for event in runs.events if getattr(event, "severity", "") == severity]


def test_a_program_runs_in_its_directory_with_its_own_modules(runs):
    runs.write(
        """
        import os, sys, pathlib, helper
        pulumi.export("where", os.getcwd())
        pulumi.export("helper", helper.WORD)
        pulumi.export("root", pulumi.get_root_directory())
        pulumi.export("config", pulumi.Config().require("word"))
        pulumi.export("secret", pulumi.Config().require_secret("hidden"))
        print("hello from the program")
        Thing("a", value=pulumi.get_stack())
        """
    )
    (runs.root / "program" / "helper.py").write_text("WORD = 'found'\n")
    result = runs.run(
        "up",
        config={"kill:word": "given", "kill:hidden": "hush"},
        config_secret_keys=frozenset({"kill:hidden"}),
    )
    assert result.ok, result.errors
    outputs = result.outputs
    assert outputs["where"] == str(runs.root / "program")
    assert outputs["root"] == str(runs.root)
    assert (outputs["helper"], outputs["config"]) == ("found", "given")
    assert outputs["secret"].value == "hush"
    assert "hello from the program" in messages(runs, "info")


def test_an_exception_shows_the_programs_own_frames(runs):
    runs.write("def deep():\n    raise KeyError('lost')\n\nThing('a')\ndeep()\n")
    result = runs.run("up")
    assert not result.ok
    text = "\n".join(result.errors)
    assert "KeyError: 'lost'" in text
    assert "in deep" in text
    assert "engine/program.py" not in text
    assert "asyncio" not in text


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("pulumi.RunError('set the colour')", "set the colour"),
        (
            "pulumi.InputPropertiesError('2 problems', [{'property_path': 'a.b', 'reason': 'too big'}])",
            "2 problems\n  a.b: too big",
        ),
    ],
)
def test_a_users_mistake_is_told_without_a_stack(runs, error, expected):
    runs.write(f"raise {error}")
    result = runs.run("up")
    assert result.errors == [expected]


def test_a_program_that_dies_is_an_error_with_its_last_words(runs):
    runs.write("import os, sys\nprint('going down', file=sys.stderr, flush=True)\nos._exit(3)")
    result = runs.run("up")
    assert not result.ok
    assert "status 3" in result.errors[-1]
    assert "going down" in result.errors[-1]


def test_a_missing_program_is_named(runs):
    runs.write("")
    (runs.root / "program" / "__main__.py").unlink()
    result = runs.run("up")
    assert "no program at" in result.errors[0]


def test_functions_run_one_after_another_in_one_process(runs, thing):
    for index in range(3):
        result = runs.inline("up", lambda index=index: pulumi.export("n", thing("a", value=str(index)).echo))
        assert result.ok, result.errors
        assert result.outputs == {"n": str(index)}
    assert runs.inline("destroy", lambda: None).resources == 0


def test_a_failing_function_tells_its_error_once(runs):
    def program():
        raise ValueError("no such colour")

    result = runs.inline("up", program)
    assert not result.ok
    assert sum("no such colour" in error for error in result.errors) == 1


def test_an_error_in_an_apply_is_an_error(runs, thing):
    def program():
        thing("a", value="1").echo.apply(lambda value: 1 / 0)

    result = runs.inline("up", program)
    assert not result.ok
    assert "division by zero" in "\n".join(result.errors)


def test_the_end_waits_for_every_output_of_many(runs, thing):
    seen = []

    def program():
        echo = thing("a", value="1").echo
        for index in range(150):
            echo.apply(lambda value, index=index: seen.append(index))

    assert runs.inline("up", program).ok
    assert sorted(seen) == list(range(150))

    def failing():
        echo = thing("a", value="1").echo
        for index in range(150):
            echo.apply(lambda value, index=index: 1 / (index - 140))

    result = runs.inline("up", failing)
    assert not result.ok
    assert "division by zero" in "\n".join(result.errors)


def test_an_unknown_package_is_refused_by_name(runs):
    def program():
        pulumi.CustomResource("gcp:storage/bucket:Bucket", "b", {})

    result = runs.inline("up", program)
    assert not result.ok
    assert "'gcp'" in result.errors[0]
    assert "drives emulated providers only" in result.errors[0]
    assert "probe" in result.errors[0]


def test_a_component_that_a_provider_constructs_is_refused(runs):
    def program():
        pulumi.ComponentResource("probe:index:Remote", "r", {}, remote=True)

    result = runs.inline("up", program)
    assert not result.ok
    assert "probe:index:Remote" in result.errors[0]


def test_preview_shows_unknown_outputs_as_such(runs, thing):
    result = runs.inline("preview", lambda: pulumi.export("n", thing("a").serial))
    assert result.ok, result.errors
    assert result.outputs == {"n": "[unknown]"}


def test_a_changed_file_asset_is_a_change(runs, thing):
    path = runs.root / "file.txt"

    def program():
        thing("a", extra={"file": pulumi.FileAsset(str(path))})

    path.write_text("one")
    assert runs.inline("up", program).changes["create"] == 2
    assert runs.inline("up", program).changes["same"] == 2
    path.write_text("two")
    assert runs.inline("up", program).changes["update"] == 1


def test_the_reason_of_an_update_names_what_changed(runs, thing):
    runs.inline("up", lambda: thing("a", value="1"))
    runs.events.clear()
    runs.inline("up", lambda: thing("a", value="2"))
    event = next(
        event for event in runs.events if getattr(event, "op", "") == "update" and event.phase == "done"
    )
    assert event.reason == "changed value"
    (change,) = event.diff
    assert (change.path, change.kind, change.old, change.new) == ("value", "update", "1", "2")


def test_a_refused_program_leaves_no_stack_behind(runs):
    runs.write("raise pulumi.RunError('refused')")
    result = runs.run("up")
    assert not result.ok
    assert (result.resources, result.changes["create"]) == (0, 0)
    runs.write("Thing('a')")
    assert runs.run("up").ok
    runs.write("raise pulumi.RunError('refused')")
    assert runs.run("up").resources == 2
