"""`keyledger scan PATH --history`: keys in commits, wherever they are now."""

import os
import shutil
from pathlib import Path

import pytest

from keyledger.cli.scan.history import History
from keyledger.cli.scan.keys_in import CHUNK_BYTES
from tests.clients.scan.conftest import Scan
from tests.clients.scan.repository import Repository, new_key


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_removed_key_is_reported_with_the_oldest_commit_its_path_and_line(repository: Repository, scan: Scan) -> None:
    key = new_key()
    repository.commit(readme="nothing")
    added = repository.commit(config=f"a\nKEY={key}\n")
    repository.commit(config=f"changed\na\nKEY={key}\n")
    repository.commit(config="KEY from the environment\n")
    assert scan(str(repository.folder))[1] == []
    ran, (found,) = scan(str(repository.folder), "--history")
    assert (found["path"], found["line"], found["commit"], found["versions"]) == ("config", 2, added, 2)
    assert key not in ran.stdout + ran.stderr


def test_copies_and_several_lines_are_reported_and_counted_once(repository: Repository, scan: Scan) -> None:
    key = new_key()
    first = repository.commit(one=f"{key}\n\n{key}\n")
    second = repository.commit(two=f"{key}\n\n{key}\n", one=f"{key}\n")
    found = scan(str(repository.folder), "--history")[1]
    assert [(each["path"], each["line"], each["commit"], each["versions"]) for each in found] == [
        ("one", 1, first, 2),
        ("one", 3, first, 2),
        ("two", 1, second, 1),
        ("two", 3, second, 1),
    ]


def test_files_that_are_not_committed_are_not_part_of_the_history(repository: Repository, scan: Scan) -> None:
    repository.commit(readme="nothing")
    (repository.folder / "untracked").write_text(new_key())
    assert scan(str(repository.folder), "--history")[1] == []


def test_every_branch_tag_stash_and_dropped_commit_is_read(repository: Repository, scan: Scan) -> None:
    repository.commit(readme="nothing")
    keys = {name: new_key() for name in ("branch", "tag", "stash", "amended", "detached", "merged")}
    repository.git("checkout", "--quiet", "-b", "other")
    repository.commit(branch=keys["branch"])
    repository.git("checkout", "--quiet", "main")
    repository.commit(tag=keys["tag"])
    repository.git("tag", "v1")
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    (repository.folder / "readme").write_text(keys["stash"])
    repository.git("stash", "--quiet")
    repository.commit(amended=keys["amended"])
    (repository.folder / "amended").unlink()
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--amend", "--allow-empty", "--message=amended")
    repository.git("merge", "--quiet", "--no-commit", "--no-ff", "other")
    repository.commit(merged=keys["merged"])
    repository.git("checkout", "--quiet", "--detach")
    repository.commit(detached=keys["detached"])
    repository.git("checkout", "--quiet", "main")
    found = {each["prefix"]: each for each in scan(str(repository.folder), "--history")[1]}
    assert set(found) == {key[:12] for key in keys.values()}
    assert all(each["commit"] for each in found.values())
    assert found[keys["merged"][:12]]["path"] == "merged"


def test_keys_in_messages_of_commits_and_tags_are_found(repository: Repository, scan: Scan) -> None:
    in_commit, in_tag = new_key(), new_key()
    commit = repository.commit(f"Use {in_commit}", readme="nothing")
    repository.git("tag", "--annotate", "v1", f"--message=With {in_tag}")
    found = {each["prefix"]: each for each in scan(str(repository.folder), "--history")[1]}
    assert found[in_commit[:12]]["commit"] == commit
    assert found[in_commit[:12]]["path"] == f"message of commit {commit[:12]}"
    assert found[in_tag[:12]]["path"].startswith("message of tag ")


NAMES = ["line\nend", ":100644 100644 a b M", "ü上", "a b", "\\n", "\x1b[31m", "deep/er/file"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_file_is_reported(repository: Repository, scan: Scan, name: str) -> None:
    path = repository.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new_key())
    commit = repository.commit()
    (found,) = scan(str(repository.folder), "--history")[1]
    assert found["commit"] == commit
    assert found["path"].isprintable()


def test_a_name_that_is_not_utf8_is_reported(repository: Repository, scan: Scan) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", stdin=new_key().encode())
    repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},".encode() + b"\xff\xfe")
    repository.git("commit", "--quiet", "--message=odd")
    (found,) = scan(str(repository.folder), "--history")[1]
    assert found["path"] == "\\xff\\xfe"


def test_a_worktree_a_bare_repository_a_folder_and_a_file_have_the_history_of_their_repository(
    repository: Repository, tmp_path: Path, scan: Scan
) -> None:
    key = new_key()
    commit = repository.commit(config=key)
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    (repository.folder / "src").mkdir()
    for path in ("worktree", "bare", "repository/src", "repository/config", "repository/.git"):
        (found,) = scan(str(tmp_path / path), "--history")[1]
        assert (found["path"], found["commit"]) == ("config", commit), path


def test_a_submodule_has_a_history_of_its_own(repository: Repository, tmp_path: Path, scan: Scan) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit(config=new_key())
    repository.git("submodule", "--quiet", "add", str(inner.folder), "sub")
    repository.commit()
    assert scan(str(repository.folder), "--history")[1] == []
    assert [found["path"] for found in scan(str(repository.folder / "sub"), "--history")[1]] == ["config"]
    assert [found["path"] for found in scan(str(repository.folder))[1]] == [f"{repository.folder}/sub/config"]


def test_a_shallow_clone_is_scanned_and_said_to_be_incomplete(
    repository: Repository, tmp_path: Path, scan: Scan
) -> None:
    repository.commit(old=new_key())
    (repository.folder / "old").unlink()
    repository.commit()
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(tmp_path / "shallow"))
    ran, found = scan(str(tmp_path / "shallow"), "--history", code=7)
    assert found == []
    assert "the history is shallow. Run git fetch --unshallow first" in ran.stderr
    shallow = Repository(tmp_path / "shallow")
    shallow.commit(new=new_key())
    assert scan(str(tmp_path / "shallow"), "--history")[0].returncode == 1


def test_a_partial_clone_is_said_to_be_incomplete_and_fetches_nothing(
    repository: Repository, tmp_path: Path, scan: Scan
) -> None:
    repository.commit(old=new_key())
    (repository.folder / "old").unlink()
    repository.commit(new="nothing")
    repository.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{repository.folder}"
    repository.git("clone", "--quiet", "--filter=blob:none", url, str(tmp_path / "partial"))
    repository.folder.rename(tmp_path / "gone")
    ran, _ = scan(str(tmp_path / "partial"), "--history", code=7)
    assert "not scanned:" in ran.stderr


def test_a_damaged_repository_is_said_to_be_incomplete(repository: Repository, scan: Scan) -> None:
    repository.commit(config="nothing")
    blob = repository.git("rev-parse", "HEAD:config")
    (repository.folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    ran, _ = scan(str(repository.folder), "--history", code=7)
    assert "not scanned" in ran.stderr


def test_an_empty_repository_has_no_key(repository: Repository, scan: Scan) -> None:
    assert scan(str(repository.folder), "--history")[1] == []


def test_a_folder_without_history_is_refused_with_the_reason(tmp_path: Path, scan: Scan) -> None:
    ran, _ = scan(str(tmp_path), "--history", code=2)
    assert f"{tmp_path} has no history that git can read: not a git repository" in ran.stderr
    ran, _ = scan(str(tmp_path), "--history", code=2, PATH="/nowhere")
    assert "The history needs git" in ran.stderr


def test_the_history_of_a_path_that_does_not_exist_is_not_that_of_its_folder(
    repository: Repository, scan: Scan
) -> None:
    repository.commit(config=new_key())
    for name in ("absent", "config/absent", "absent/absent"):
        ran, _ = scan(str(repository.folder / name), "--history", code=2)
        assert f"{repository.folder / name} does not exist." in ran.stderr


def test_in_a_hook_the_given_repository_is_scanned_and_not_that_of_the_hook(
    repository: Repository, tmp_path: Path, scan: Scan
) -> None:
    repository.commit(config=new_key())
    other = Repository(tmp_path / "other")
    other.commit(config="nothing")
    variables = {"GIT_DIR": str(other.folder / ".git"), "GIT_INDEX_FILE": str(other.folder / ".git/index")}
    assert len(scan(str(repository.folder), "--history", **variables)[1]) == 1


def test_nothing_that_the_repository_configures_is_executed(repository: Repository, tmp_path: Path, scan: Scan) -> None:
    repository.commit(config=new_key())
    mark = tmp_path / "executed"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    (repository.folder / ".gitattributes").write_text("* diff=own filter=own\n")
    names = ("core.pager", "core.fsmonitor", "diff.external", "diff.own.textconv", "diff.own.command", "gpg.program")
    for name in (*names, "filter.own.smudge", "filter.own.clean", "core.alternateRefsCommand", "pager.log"):
        repository.git("config", name, str(program))
    repository.git("config", "log.showSignature", "true")
    assert len(scan(str(repository.folder), "--history")[1]) == 1
    assert not mark.exists()


@pytest.mark.parametrize("lazy", [False, True], ids=["no lazy fetch", "an older git"])
def test_a_missing_version_starts_no_program_of_the_repository(
    repository: Repository, tmp_path: Path, scan: Scan, *, lazy: bool
) -> None:
    repository.commit(config="nothing")
    blob = repository.git("rev-parse", "HEAD:config")
    (repository.folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    mark, program = tmp_path / "executed", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(tmp_path),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(program),
        "protocol.allow": "always",
    }.items():
        repository.git("config", name, value)
    environment = {}
    if lazy:
        older = tmp_path / "older"
        older.mkdir()
        (older / "git").write_text(f'#!/bin/sh\nunset GIT_NO_LAZY_FETCH\nexec {shutil.which("git")} "$@"\n')
        (older / "git").chmod(0o755)
        environment["PATH"] = f"{older}{os.pathsep}{os.environ['PATH']}"
    scan(str(repository.folder), "--history", code=7, **environment)
    assert not mark.exists()


def test_variables_that_change_what_a_repository_contains_are_ignored(
    repository: Repository, tmp_path: Path, scan: Scan
) -> None:
    repository.commit(config=new_key())
    commit = repository.commit(config="nothing")
    grafts = tmp_path / "grafts"
    grafts.write_text(f"{commit}\n")  # without its parent
    (repository.folder / ".git/logs").rename(tmp_path / "logs")
    for name in ("GIT_GRAFT_FILE", "GIT_SHALLOW_FILE"):
        assert len(scan(str(repository.folder), "--history", **{name: str(grafts)})[1]) == 1, name


CONFIGURATIONS = {
    "log.diffMerges": ["combined", "dense-combined", "first-parent", "remerge", "off", "on"],
    "diff.relative": ["true"],
    "diff.orderFile": ["absent"],
    "diff.renames": ["copies"],
    "diff.noprefix": ["true"],
    "log.showRoot": ["false"],
    "log.follow": ["true"],
    "log.decorate": ["full"],
    "color.ui": ["always"],
    "format.pretty": ["fuller"],
    "core.quotePath": ["true"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in CONFIGURATIONS for value in CONFIGURATIONS[name]]
)
def test_the_configuration_of_git_does_not_change_the_origin_of_a_key(
    repository: Repository, scan: Scan, name: str, value: str
) -> None:
    """The keys are in the first commit, in a branch, and only in the result of its merge."""
    in_root, in_branch, in_merge = new_key(), new_key(), new_key()
    (repository.folder / "deep").mkdir()
    commits = {in_root: repository.commit(root=in_root)}
    repository.git("checkout", "--quiet", "-b", "other")
    commits[in_branch] = repository.commit(branch=in_branch)
    repository.git("checkout", "--quiet", "main")
    repository.commit(readme="nothing")
    repository.git("merge", "--quiet", "--no-commit", "--no-ff", "other")
    commits[in_merge] = repository.commit(merge=in_merge)
    repository.git("config", name, value)
    for folder in (repository.folder, repository.folder / "deep"):
        found = scan(str(folder), "--history")[1]
        origins = {each["prefix"]: (each["path"], each["commit"]) for each in found}
        assert origins == {
            in_root[:12]: ("root", commits[in_root]),
            in_branch[:12]: ("branch", commits[in_branch]),
            in_merge[:12]: ("merge", commits[in_merge]),
        }


def test_replaced_objects_are_read_as_they_were(repository: Repository, scan: Scan) -> None:
    repository.commit(config=new_key())
    blob = repository.git("rev-parse", "HEAD:config")
    other = repository.git("hash-object", "-w", "--stdin", stdin=b"nothing")
    repository.git("replace", blob, other)
    assert len(scan(str(repository.folder), "--history")[1]) == 1


def test_a_repository_with_sha256_is_read(tmp_path: Path, scan: Scan) -> None:
    repository = Repository(tmp_path / "sha256")
    (repository.folder / ".git").rename(tmp_path / "unused")
    repository.git("init", "--quiet", "--object-format=sha256")
    commit = repository.commit(config=new_key())
    assert len(commit) == 64
    assert scan(str(repository.folder), "--history")[1][0]["commit"] == commit


def test_a_large_version_is_read_in_pieces(repository: Repository, scan: Scan) -> None:
    repository.commit(large="x" * 40_000_000 + new_key() + "\n" + "y" * 1000, small=new_key())
    found = scan(str(repository.folder), "--history")[1]
    assert {each["path"] for each in found} == {"large", "small"}
    problems: list[tuple[str, str]] = []
    history = History(str(repository.folder), lambda path, reason: problems.append((path, reason)))
    assert max(len(chunk) for each in history.objects() for chunk in each.chunks) == CHUNK_BYTES
    assert problems == []


def test_the_owner_of_a_repository_is_checked_by_git(repository: Repository, scan: Scan) -> None:
    repository.commit(config=new_key())
    if os.geteuid() == 0:
        os.chown(repository.folder, 65534, 65534)
        ran, _ = scan(str(repository.folder), "--history", code=2, SUDO_UID="")
        assert "has no history that git can read: " in ran.stderr
