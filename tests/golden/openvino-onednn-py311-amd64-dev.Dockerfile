# OpenVINO for CPU. Rendered by inferpack; every layer is a tar with fixed times and owners.
# By hand: docker buildx build --network none --build-arg SOURCE_DATE_EPOCH=1700000000 .
FROM scratch
ADD --link layers/base.tar /
ADD --link layers/numpy-2.4.6.tar /
ADD --link layers/openvino-2026.4.1.tar /
ADD --link layers/selftest-data.tar /
ADD --link layers/selftest.tar /
ENV LANG="C.UTF-8"
LABEL org.opencontainers.image.title="OpenVINO" \
      org.opencontainers.image.description="OpenVINO 2026.4.1: CPU inference, INT8 proven" \
      org.opencontainers.image.version="2026.4.1" \
      org.opencontainers.image.revision="0123456789abcdef0123456789abcdef01234567" \
      org.opencontainers.image.created="2023-11-14T22:13:20Z" \
      org.opencontainers.image.source="https://github.com/openvinotoolkit/openvino" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="inferpack/base:bookworm" \
      org.opencontainers.image.base.digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
      io.inferpack.variant="openvino-onednn-py311-amd64-dev" \
      io.inferpack.backend="onednn" \
      io.inferpack.lock="sha256:b7423f8e3d07c8f2223ac9131b66a15e85804eb5822a5f4de0ea6112b35337d0" \
      io.inferpack.base.packages="libc6=2.36-9 python3.11-minimal=3.11.2-6"
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CMD ["python3"]
