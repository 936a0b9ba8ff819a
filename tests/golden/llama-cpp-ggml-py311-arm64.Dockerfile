# llama.cpp for CPU. Rendered by inferpack; every layer is a tar with fixed times and owners.
# By hand: docker buildx build --network none --build-arg SOURCE_DATE_EPOCH=1700000000 .
FROM scratch
ADD --link layers/base.tar /
ADD --link layers/diskcache-5.6.3.tar /
ADD --link layers/jinja2-3.1.6.tar /
ADD --link layers/markupsafe-3.0.4.tar /
ADD --link layers/numpy-2.4.6.tar /
ADD --link layers/typing-extensions-4.16.0.tar /
ADD --link layers/llama-cpp-python-0.3.36+inferpack.1.tar /
ADD --link layers/selftest-data.tar /
ADD --link layers/selftest.tar /
ENV LANG="C.UTF-8"
LABEL org.opencontainers.image.title="llama.cpp" \
      org.opencontainers.image.description="llama.cpp 0.3.36: CPU inference, INT8 proven" \
      org.opencontainers.image.version="0.3.36" \
      org.opencontainers.image.revision="0123456789abcdef0123456789abcdef01234567" \
      org.opencontainers.image.created="2023-11-14T22:13:20Z" \
      org.opencontainers.image.source="https://github.com/abetlen/llama-cpp-python" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="inferpack/base:bookworm" \
      org.opencontainers.image.base.digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
      io.inferpack.variant="llama-cpp-ggml-py311-arm64" \
      io.inferpack.backend="ggml" \
      io.inferpack.lock="sha256:2f89fa0e49851d0a993e18cfaaaba51723c7e172d116067d5dcd6ee721bedef4" \
      io.inferpack.base.packages="libc6=2.36-9 python3.11-minimal=3.11.2-6"
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CMD ["python3"]
