"""Where locked distributions come from: indexes with and without a login, folders, the cache."""

from __future__ import annotations

from pathlib import Path

from distributions import make_sdist, make_wheel
from local_index import LocalIndex
from solving import Project, fails, package, versions

from pyve_locks.lock_file import format_lock, parse_lock
from pyve_locks.locked_package import clean_url
from pyve_locks.uv_run import no_index, uv_environment


def test_a_login_is_used_and_never_written(project: Project) -> None:
    with LocalIndex(make_wheel("private", "1.0"), user="me", password="hidden-word") as index:
        project.env.update(index.env)
        project.ask("private")
        error = fails(project)
        assert error.code == "E_INDEX_AUTH"
        project.env.update(UV_DEFAULT_INDEX="", PIP_INDEX_URL="")
        tables = f'[[tool.uv.index]]\nurl = "{index.url_with_password}"\ndefault = true\n'
        for options, environ, more in (
            ({"default_index": index.url_with_password}, {}, ""),
            ({"indexes": (index.url_with_password,)}, {}, ""),
            ({}, {"UV_DEFAULT_INDEX": index.url_with_password}, ""),
            ({}, {"PIP_INDEX_URL": index.url_with_password}, ""),
            (
                {},
                {"UV_INDEX_URL": index.url_with_password, "PIP_INDEX_URL": "http://x.invalid"},
                "",
            ),
            ({}, {"PIP_INDEX_URL": "http://x.invalid"}, tables),
        ):
            project.ask("private", more=more)
            lock = project.lock(environ, **options)
            text = format_lock(lock)
            assert package(lock, "private")["index"] == index.url
            assert "hidden-word" not in text
            assert "me:" not in text
        index.add(make_wheel("private", "2.0"))
        project.ask("private")
        kept = project.lock(preferences=lock, default_index=index.url_with_password)
        assert versions(kept) == ["private 1.0"]
        netrc = project.root.parent / ".netrc"
        netrc.write_text("machine 127.0.0.1 login me password hidden-word\n", encoding="utf-8")
        netrc.chmod(0o600)
        project.ask("private")
        assert versions(project.lock(default_index=index.url)) == ["private 2.0"]
        project.write("requirements.in", f"--index-url {index.url_with_password}\nprivate\n")
        (project.root / "pyproject.toml").unlink()
        found = project.lock({"UV_DEFAULT_INDEX": "http://x.invalid"})
        assert versions(found) == ["private 2.0"]
        assert "hidden-word" not in format_lock(found)


def test_one_package_comes_from_one_index(project: Project, shared_index: LocalIndex) -> None:
    with LocalIndex(make_wheel("alpha", "0.5")) as private:
        project.ask("alpha", "ring")
        lock = project.lock(indexes=(private.url,))
        assert versions(lock) == ["alpha 0.5", "ring 1.0"]
        assert package(lock, "alpha")["index"] == private.url
        project.write("requirements.in", f"--extra-index-url {private.url}\nalpha\nring\n")
        (project.root / "pyproject.toml").unlink()
        assert versions(project.lock()) == ["alpha 0.5", "ring 1.0"]


def test_an_index_that_is_given_takes_the_place_of_the_projects(
    project: Project, shared_index: LocalIndex
) -> None:
    tables = '[[tool.uv.index]]\nurl = "http://x.invalid"\ndefault = true\n'
    project.ask("ring", more=tables)
    assert versions(project.lock(default_index=shared_index.url)) == ["ring 1.0"]


def test_an_index_without_hashes_gets_them(project: Project) -> None:
    wheel, sdist = make_wheel("bare", "1.0"), make_sdist("bare", "1.0")
    with LocalIndex(wheel, sdist, hashes=False) as index:
        project.env.update(index.env)
        project.ask("bare")
        found = package(project.save(), "bare")
        assert found["wheels"][0]["hashes"] == {"sha256": wheel.sha256}
        assert found["sdist"]["hashes"] == {"sha256": sdist.sha256}
        assert project.install_by_pip() == project.install_by_uv()


def test_a_folder_of_files_is_an_index_with_relative_paths(project: Project) -> None:
    make_wheel("kept", "1.0").write(project.root / "vendor")
    make_wheel("kept", "2.0").write(project.root / "vendor")
    project.write("requirements.in", "--no-index\n--find-links vendor\nkept\n")
    lock = project.save()
    found = package(lock, "kept")
    assert "index" not in found
    assert found["wheels"][0]["path"] == "vendor/kept-2.0-py3-none-any.whl"
    older = parse_lock(format_lock(lock).replace("2.0", "1.0"), Path("x"))
    assert versions(project.lock(preferences=older)) == ["kept 1.0"]
    assert project.install_by_pip() == project.install_by_uv()
    # Nothing but the folder is asked, though the index has newer ones.
    make_wheel("ring", "0.5").write(project.root / "vendor")
    project.write("requirements.in", "--no-index\n--find-links vendor\nring\n")
    assert versions(project.lock()) == ["ring 0.5"]
    project.ask("kept")
    links = (str(project.root / "vendor"),)
    assert versions(project.lock(find_links=links, no_index=True)) == ["kept 2.0"]


def test_offline_the_cache_is_enough_or_it_is_said(project: Project) -> None:
    project.ask("beta")
    error = fails(project, offline=True)
    assert error.code == "E_INDEX_OFFLINE"
    first = project.lock()
    assert format_lock(project.lock(offline=True)) == format_lock(first)


def test_urls_of_a_lock_have_no_secret_in_them() -> None:
    for url, clean in {
        "https://me:word@files.example/a.whl": "https://files.example/a.whl",
        "https://files.example/a.whl?token=abcdef&x=1": "https://files.example/a.whl?x=1",
        "https://files.example/a.whl?x=1#f": "https://files.example/a.whl?x=1#f",
        "ssh://git@git.example/a": "ssh://git@git.example/a",
    }.items():
        assert clean_url(url) == clean


def test_the_environment_of_uv_has_nothing_that_changes_what_is_asked() -> None:
    env = uv_environment(
        {
            "UV_FROZEN": "1",
            "UV_PYTHON": "3.8",
            "VIRTUAL_ENV": "/x",
            "PIP_NO_INDEX": "true",
            "PIP_FIND_LINKS": "/one /two",
            "PIP_EXTRA_INDEX_URL": "https://a.example https://b.example",
        },
    )
    assert not {"UV_FROZEN", "UV_PYTHON", "VIRTUAL_ENV"} & set(env)
    assert env["UV_FIND_LINKS"] == "/one,/two"
    assert env["UV_INDEX"] == "https://a.example https://b.example"
    assert no_index(env) == ["--no-index"]
    assert no_index(uv_environment({"PIP_NO_INDEX": "0"})) == []
    chosen = uv_environment({"UV_INDEX_URL": "https://a.example"}, is_fixed=True)
    assert "UV_INDEX_URL" not in chosen


def test_the_certificates_of_pip_are_those_of_uv_unless_it_has_its_own() -> None:
    pip = {"PIP_CERT": "/etc/own.pem"}
    assert uv_environment(pip)["SSL_CERT_FILE"] == "/etc/own.pem"
    own = uv_environment({**pip, "SSL_CERT_FILE": "/etc/other.pem"})
    assert own["SSL_CERT_FILE"] == "/etc/other.pem"
    assert "SSL_CERT_FILE" not in uv_environment({**pip, "SSL_CERT_DIR": "/etc/certs"})
