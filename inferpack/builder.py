"""The image a wheel is compiled in: the builder's tools, the build backends, and the sysroot."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inferpack import console, render, rootfs, store
from inferpack.base import BuiltBase
from inferpack.debian import UID
from inferpack.engine import Engine
from inferpack.model import NAMESPACE, Arch, Layer
from inferpack.rootfs import File, Folder, Link, Tree
from inferpack.store import EPOCH
from inferpack.sysroot import PLACE, BuiltSysroot
from inferpack.tables import Record
from inferpack.wheel import WheelVariant

SOURCE, OUT, CCACHE = "/build/source", "/build/out", "/ccache"  # in a container of it
PREFIXES = "-ffile-prefix-map=/build=."  # no path of the builder in what it makes
STATISTICS = "/build/ccache.log"
VOLUME = f"{NAMESPACE}-ccache"
USER = f"{UID}:{UID}"
LAUNCHERS = "usr/lib/ccache"  # Debian's folder of links that let ccache call a compiler
OWN = "toolchain.tar"
TOOLCHAIN = "opt/inferpack/toolchain.cmake"
CONFIGURATION = "_sysconfigdata_of_target"  # a module beside the builder's own
DOCKERFILE, CMAKE, SYSCONFIG = "Dockerfile.j2", "toolchain.cmake.j2", "sysconfigdata.py.j2"
CODE = store.file_digest(Path(__file__))


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """An image for an engine of `machine`; `key` is the digest of all that it is made from."""

    variant: WheelVariant
    machine: Arch
    dockerfile: str
    toolchain: Tree
    layers: tuple[Layer, ...]
    key: str


class BuilderRecord(Record, frozen=True):
    """builder.json: the image, and what it was made from."""

    key: str
    digest: str


def reference(variant: WheelVariant) -> str:
    return f"{NAMESPACE}/builder:{variant.id}"


def environment(variant: WheelVariant) -> dict[str, str]:
    """What every build finds, and then the recipe's own.

    The compiler has the target's own name and the sysroot is named to it on a machine of any
    architecture, so the same things happen. Python's own variables of cross-compilation:
    https://github.com/python/cpython/blob/3.11/Lib/sysconfig.py
    """
    triple, sysroot = variant.arch.multiarch, f"/{PLACE}"
    flags = f"-O2 -DNDEBUG {PREFIXES}"
    pkgconfig = (f"usr/lib/{triple}/pkgconfig", "usr/share/pkgconfig")
    return {
        "PATH": f"/{LAUNCHERS}:/usr/local/bin:/usr/bin",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "CC": f"{triple}-gcc --sysroot={sysroot}",
        "CXX": f"{triple}-g++ --sysroot={sysroot}",
        "AR": f"{triple}-ar",
        "STRIP": f"{triple}-strip",
        "CFLAGS": flags,
        "CXXFLAGS": flags,
        "CMAKE_GENERATOR": "Ninja",
        "CMAKE_TOOLCHAIN_FILE": f"/{TOOLCHAIN}",
        "PKG_CONFIG_SYSROOT_DIR": sysroot,
        "PKG_CONFIG_LIBDIR": ":".join(f"{sysroot}/{folder}" for folder in pkgconfig),
        "_PYTHON_HOST_PLATFORM": f"linux-{variant.arch.machine}",
        "_PYTHON_SYSCONFIGDATA_NAME": CONFIGURATION,
        # Every file of the image has the same time, and so could two compilers
        "CCACHE_COMPILERCHECK": "content",
        # What a miss costs is the compiler's own time: no preprocessor runs before it
        "CCACHE_DEPEND": "1",
        "CCACHE_DIR": CCACHE,
        "CCACHE_MAXSIZE": "5G",
        # Its key leaves that flag out, and what was made with another would be taken
        "CCACHE_NAMESPACE": PREFIXES,
        "CCACHE_STATSLOG": STATISTICS,
        **variant.environment,
    }


def toolchain(variant: WheelVariant, templates: Path) -> Tree:
    """What makes a cross-compiler of the tools and the sysroot, and the folders it works in."""
    triple, python = variant.arch.multiarch, f"usr/lib/python{variant.recipe.python}"
    values = {
        "machine": variant.arch.machine,
        "original": f"{python}/_sysconfigdata__{triple}.py",
        "python": str(variant.recipe.python),
        "sysroot": f"/{PLACE}",
        "triple": triple,
    }
    return {
        TOOLCHAIN: File(rendered(templates, CMAKE, **values).encode()),
        f"{python}/{CONFIGURATION}.py": File(rendered(templates, SYSCONFIG, **values).encode()),
        **{f"{LAUNCHERS}/{triple}-{name}": Link("/usr/bin/ccache") for name in ("gcc", "g++")},
        **{folder[1:]: Folder(owner=UID) for folder in ("/build", SOURCE, OUT, CCACHE)},
    }


def rendered(templates: Path, name: str, **values: object) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    jinja = Environment(
        loader=FileSystemLoader(templates / "wheel"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # no HTML; values are quoted by a filter
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters["quoted"] = render.quoted
    return jinja.get_template(name).render(**values)


def named(backends: Iterable[str]) -> tuple[str, ...]:
    """The layers: what few wheels share comes last."""
    return ("tools", *backends, "sysroot", "toolchain")


def dockerfile(variant: WheelVariant, layers: tuple[str, ...], templates: Path) -> str:
    """The Dockerfile's text; `layers` are the names of all of them."""
    return rendered(
        templates,
        DOCKERFILE,
        variant=variant.id,
        volume=VOLUME,
        ccache=CCACHE,
        layers=[f"{name}.tar" for name in layers],
        environment=list(environment(variant).items()),
        user=USER,
        source=SOURCE,
    )


def digest_of(tree: Tree) -> str:
    """sha256 (hex) over a tree's text files: the rest of the toolchain is this module's code."""
    return store.digest(sorted((k, v.data) for k, v in tree.items() if isinstance(v, File)))


def planned(
    variant: WheelVariant,
    *,
    tools: BuiltBase,
    backends: tuple[Layer, ...],
    sysroot: BuiltSysroot,
    templates: Path,
    folder: Path,
) -> Builder:
    """The image that compiles this variant on a machine of the tools' architecture.

    `folder` will get its build context.
    """
    tree = toolchain(variant, templates)
    names = named(layer.name for layer in backends)
    paths = (tools.tar, *(layer.tar for layer in backends), sysroot.tar, folder / OWN)
    layers = tuple(Layer(name=name, tar=tar) for name, tar in zip(names, paths, strict=True))
    text = dockerfile(variant, names, templates)
    inside = (tools.digest, [store.file_digest(layer.tar) for layer in backends], sysroot.digest)
    return Builder(
        variant=variant,
        machine=tools.arch,
        dockerfile=text,
        toolchain=tree,
        layers=layers,
        key=store.digest(text, inside, digest_of(tree), tools.arch, CODE),
    )


def ensure(builder: Builder, folder: Path, engine: Engine) -> str:
    """The image's digest; it is built unless the engine has it.

    `folder` gets its build context, the log and the record of it.
    """
    name = reference(builder.variant)
    known = store.read_record(folder / "builder.json", BuilderRecord)
    if known and known.key == builder.key and engine.digest(name) == known.digest:
        return known.digest
    with console.step(f"image to build {builder.variant.id}"):
        with store.whole_file(folder / OWN) as temporary:
            rootfs.write_tar(builder.toolchain, temporary)
        context = render.write_context(folder / "context", builder.dockerfile, builder.layers)
        digest = engine.build(context, name=name, arch=builder.machine, created=EPOCH).digest
    store.write_record(folder / "builder.json", BuilderRecord(key=builder.key, digest=digest))
    return digest
