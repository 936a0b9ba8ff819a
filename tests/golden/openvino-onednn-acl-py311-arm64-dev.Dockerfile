# OpenVINO for CPU. Rendered by inferpack; every layer is a tar with fixed times and owners.
# By hand: docker buildx build --network none --build-arg SOURCE_DATE_EPOCH=1700000000 .
FROM scratch
ADD --link layers/base.tar /
ADD --link layers/numpy-2.4.6.tar /
ADD --link layers/openvino-2026.4.1.tar /
ADD --link layers/selftest-data.tar /
ADD --link layers/selftest.tar /
ENV LANG="C.UTF-8" \
    ONEDNN_MAX_CPU_ISA="ADVANCED_SIMD"
LABEL org.opencontainers.image.title="OpenVINO" \
      org.opencontainers.image.description="OpenVINO 2026.4.1: CPU inference, INT8 proven" \
      org.opencontainers.image.version="2026.4.1" \
      org.opencontainers.image.revision="0123456789abcdef0123456789abcdef01234567" \
      org.opencontainers.image.created="2023-11-14T22:13:20Z" \
      org.opencontainers.image.source="https://github.com/openvinotoolkit/openvino" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="inferpack/base:bookworm" \
      org.opencontainers.image.base.digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
      io.inferpack.variant="openvino-onednn-acl-py311-arm64-dev" \
      io.inferpack.backend="onednn-acl" \
      io.inferpack.lock="sha256:d26f886d634e7c3048208226265f653494abab0fd8ca024b8a5eab61e9159c3e" \
      io.inferpack.base.packages="libc6=2.36-9 python3.11-minimal=3.11.2-6"
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CMD ["python3"]
