#!/usr/bin/env python3
"""Writes the Homebrew formula, the winget manifests and the Scoop manifest of a release.

  .github/packaging/manifests.py VERSION FOLDER     FOLDER holds the archives; their checksums go into the manifests

A system without an archive in FOLDER is left out. Scoop and winget take the MSVC build; without one, as on a
machine that cannot build it, the GNU build.
"""
import hashlib
import json
import pathlib
import sys
import textwrap

REPOSITORY = "https://github.com/entra-pg/entra-pg"
DESCRIPTION = "Diagnose why a Microsoft Entra ID login to Azure Database for PostgreSQL fails"
LICENSE = "MIT OR Apache-2.0"
IDENTIFIER = "EntraPg.EntraPg"


class Archives:
    def __init__(self, version, folder):
        self.version, self.folder = version, folder

    def find(self, *targets):
        """Name, address and checksum of the first archive that exists."""
        for target in targets:
            for suffix in ["tar.gz", "zip"]:
                path = self.folder / f"entra-pg-{self.version}-{target}.{suffix}"
                if path.exists():
                    top = path.name.removesuffix(f".{suffix}")
                    address = f"{REPOSITORY}/releases/download/v{self.version}/{path.name}"
                    return top, address, hashlib.sha256(path.read_bytes()).hexdigest()
        return None

    def windows(self, machine):
        return self.find(f"{machine}-pc-windows-msvc", f"{machine}-pc-windows-gnu")


def homebrew(archives):
    def block(system, machines):
        found = [(name, archives.find(target)) for name, target in machines.items()]
        found = [(name, archive) for name, archive in found if archive]
        if not found:
            return ""
        lines = [f"  on_{system} do"]
        for name, (_, address, checksum) in found:
            lines += [f"    on_{name} do", f'      url "{address}"', f'      sha256 "{checksum}"', "    end"]
        return "\n".join([*lines, "  end", ""])

    return "\n".join(part for part in [
        "class EntraPg < Formula",
        f'  desc "{DESCRIPTION}"',
        f'  homepage "{REPOSITORY}"',
        f'  version "{archives.version}"',
        '  license any_of: ["MIT", "Apache-2.0"]',
        "",
        block("macos", {"arm": "aarch64-apple-darwin", "intel": "x86_64-apple-darwin"}),
        block("linux", {"arm": "aarch64-unknown-linux-musl", "intel": "x86_64-unknown-linux-musl"}),
        textwrap.indent(textwrap.dedent('''\
            def install
              bin.install "entra-pg"
              man1.install "entra-pg.1"
              bash_completion.install "complete/entra-pg"
              zsh_completion.install "complete/_entra-pg"
              fish_completion.install "complete/entra-pg.fish"
              doc.install "NOTICES.txt", "README.md", "CHANGELOG.md"
            end

            test do
              assert_match version.to_s, shell_output("#{bin}/entra-pg --version")
              assert_match "AADSTS50076", shell_output("#{bin}/entra-pg explain AADSTS50076")
            end'''), "  "),
        "end",
        "",
    ])


def scoop(archives):
    machines = {"64bit": archives.windows("x86_64"), "arm64": archives.windows("aarch64")}
    architecture = {
        name: {"url": archive[1], "hash": archive[2], "extract_dir": archive[0]}
        for name, archive in machines.items() if archive
    }
    update = {
        name: {"url": archive[1].replace(archives.version, "$version"),
               "extract_dir": archive[0].replace(archives.version, "$version")}
        for name, archive in machines.items() if archive
    }
    return {
        "version": archives.version,
        "description": DESCRIPTION,
        "homepage": REPOSITORY,
        "license": "MIT|Apache-2.0",
        "architecture": architecture,
        "bin": "entra-pg.exe",
        "checkver": "github",
        "autoupdate": {"architecture": update, "hash": {"url": "$baseurl/SHA256SUMS"}},
    }


def winget(archives):
    installers = []
    for name, machine in {"x64": "x86_64", "arm64": "aarch64"}.items():
        archive = archives.windows(machine)
        if archive:
            installers.append({
                "Architecture": name,
                "InstallerUrl": archive[1],
                "InstallerSha256": archive[2].upper(),
                "NestedInstallerFiles": [{"RelativeFilePath": f"{archive[0]}\\entra-pg.exe", "PortableCommandAlias": "entra-pg"}],
            })
    if not installers:
        return {}
    common = {"PackageIdentifier": IDENTIFIER, "PackageVersion": archives.version}

    def manifest(kind, content):
        return common | content | {"ManifestType": kind, "ManifestVersion": "1.6.0"}

    return {
        f"{IDENTIFIER}.yaml": manifest("version", {"DefaultLocale": "en-US"}),
        f"{IDENTIFIER}.installer.yaml": manifest("installer", {
            "InstallerType": "zip", "NestedInstallerType": "portable", "Commands": ["entra-pg"], "Installers": installers}),
        f"{IDENTIFIER}.locale.en-US.yaml": manifest("defaultLocale", {
            "PackageLocale": "en-US", "Publisher": "entra-pg", "PackageName": "entra-pg", "PackageUrl": REPOSITORY,
            "License": LICENSE, "LicenseUrl": f"{REPOSITORY}#license", "ShortDescription": DESCRIPTION,
            "Moniker": "entra-pg", "Tags": ["azure", "entra", "postgresql", "psql"],
            "ReleaseNotesUrl": f"{REPOSITORY}/releases/tag/v{archives.version}"}),
    }


def main(version, folder):
    archives = Archives(version, pathlib.Path(folder))
    places = archives.folder / "manifests"
    (places / "winget").mkdir(parents=True, exist_ok=True)
    (places / "entra-pg.rb").write_text(homebrew(archives))
    if archives.windows("x86_64"):
        (places / "entra-pg.json").write_text(json.dumps(scoop(archives), indent=4) + "\n")
    for name, content in winget(archives).items():
        # JSON is YAML, and winget reads it; the indentation keeps it readable.
        (places / "winget" / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
