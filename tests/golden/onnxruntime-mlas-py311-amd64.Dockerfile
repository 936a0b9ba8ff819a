# ONNX Runtime for CPU. Rendered by inferpack; every layer is a tar with fixed times and owners.
# By hand: docker buildx build --network none --build-arg SOURCE_DATE_EPOCH=1700000000 .
FROM scratch
ADD --link layers/base.tar /
ADD --link layers/flatbuffers-25.12.19.tar /
ADD --link layers/numpy-2.4.6.tar /
ADD --link layers/packaging-26.3.tar /
ADD --link layers/protobuf-7.36.2.tar /
ADD --link layers/onnxruntime-1.31.1.tar /
ADD --link layers/selftest-data.tar /
ADD --link layers/selftest.tar /
ENV LANG="C.UTF-8" \
    ORT_DISABLE_TELEMETRY="1"
LABEL org.opencontainers.image.title="ONNX Runtime" \
      org.opencontainers.image.description="ONNX Runtime 1.31.1: CPU inference, INT8 proven" \
      org.opencontainers.image.version="1.31.1" \
      org.opencontainers.image.revision="0123456789abcdef0123456789abcdef01234567" \
      org.opencontainers.image.created="2023-11-14T22:13:20Z" \
      org.opencontainers.image.source="https://github.com/microsoft/onnxruntime" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="inferpack/base:bookworm" \
      org.opencontainers.image.base.digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
      io.inferpack.variant="onnxruntime-mlas-py311-amd64" \
      io.inferpack.backend="mlas" \
      io.inferpack.lock="sha256:410ec0664c791b69ec643dd4ad9c81901be96b1a74e5bb968931dfbc363dde3b" \
      io.inferpack.base.packages="libc6=2.36-9 python3.11-minimal=3.11.2-6"
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CMD ["python3"]
