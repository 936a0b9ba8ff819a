# PyTorch for CPU. Rendered by inferpack; every layer is a tar with fixed times and owners.
# By hand: docker buildx build --network none --build-arg SOURCE_DATE_EPOCH=1700000000 .
FROM scratch
ADD --link layers/base.tar /
ADD --link layers/filelock-4.2.11.tar /
ADD --link layers/fsspec-2026.9.0.tar /
ADD --link layers/jinja2-3.1.6.tar /
ADD --link layers/markupsafe-3.0.4.tar /
ADD --link layers/mpmath-1.3.0.tar /
ADD --link layers/networkx-3.6.1.tar /
ADD --link layers/numpy-2.4.6.tar /
ADD --link layers/sympy-1.14.0.tar /
ADD --link layers/typing-extensions-4.16.0.tar /
ADD --link layers/torch-2.13.0+cpu.tar /
ADD --link layers/selftest-data.tar /
ADD --link layers/selftest.tar /
ENV GOMP_SPINCOUNT="20000" \
    LANG="C.UTF-8" \
    MALLOC_MMAP_THRESHOLD_="1073741824" \
    MALLOC_TRIM_THRESHOLD_="17179869184"
LABEL org.opencontainers.image.title="PyTorch" \
      org.opencontainers.image.description="PyTorch 2.13.0: CPU inference, INT8 proven" \
      org.opencontainers.image.version="2.13.0" \
      org.opencontainers.image.revision="0123456789abcdef0123456789abcdef01234567" \
      org.opencontainers.image.created="2023-11-14T22:13:20Z" \
      org.opencontainers.image.source="https://github.com/pytorch/pytorch" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.base.name="inferpack/base:bookworm" \
      org.opencontainers.image.base.digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
      io.inferpack.variant="pytorch-onednn-py311-amd64-dev" \
      io.inferpack.backend="onednn" \
      io.inferpack.lock="sha256:b8f289a54e6a6b8033aaaebf2fa62960b617316591ce56ae9231a38a246f085d" \
      io.inferpack.base.packages="libc6=2.36-9 python3.11-minimal=3.11.2-6"
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CMD ["python3"]
