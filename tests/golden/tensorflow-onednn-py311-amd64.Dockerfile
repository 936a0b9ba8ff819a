# TensorFlow for CPU. Rendered by inferpack; every layer is a tar with fixed times and owners.
# By hand: docker buildx build --network none --build-arg SOURCE_DATE_EPOCH=1700000000 .
FROM scratch
ADD --link layers/base.tar /
ADD --link layers/absl-py-2.5.1.tar /
ADD --link layers/astunparse-1.6.3.tar /
ADD --link layers/certifi-2026.10.18.tar /
ADD --link layers/charset-normalizer-3.5.2.tar /
ADD --link layers/flatbuffers-25.12.19.tar /
ADD --link layers/gast-0.7.0.tar /
ADD --link layers/h5py-3.14.0.tar /
ADD --link layers/idna-3.20.tar /
ADD --link layers/keras-3.15.1.tar /
ADD --link layers/mdurl-0.1.2.tar /
ADD --link layers/ml-dtypes-0.6.0.tar /
ADD --link layers/namex-0.1.0.tar /
ADD --link layers/numpy-2.4.6.tar /
ADD --link layers/opt-einsum-3.4.0.tar /
ADD --link layers/optree-0.20.0.tar /
ADD --link layers/packaging-26.3.tar /
ADD --link layers/protobuf-7.36.2.tar /
ADD --link layers/requests-2.34.2.tar /
ADD --link layers/rich-15.0.0.tar /
ADD --link layers/six-1.17.0.tar /
ADD --link layers/termcolor-3.3.0.tar /
ADD --link layers/typing-extensions-4.16.0.tar /
ADD --link layers/urllib3-2.8.0.tar /
ADD --link layers/wrapt-2.5.2.tar /
ADD --link layers/tensorflow-cpu-2.21.0.tar /
ADD --link layers/selftest-data.tar /
ADD --link layers/selftest.tar /
ENV KERAS_HOME="/dev/null/keras" \
    LANG="C.UTF-8" \
    TF_CPP_MIN_LOG_LEVEL="1" \
    TF_ENABLE_ONEDNN_OPTS="1"
LABEL org.opencontainers.image.title="TensorFlow" \
      org.opencontainers.image.description="TensorFlow 2.21.0: CPU inference, INT8 proven" \
      org.opencontainers.image.version="2.21.0" \
      org.opencontainers.image.revision="0123456789abcdef0123456789abcdef01234567" \
      org.opencontainers.image.created="2023-11-14T22:13:20Z" \
      org.opencontainers.image.source="https://github.com/tensorflow/tensorflow" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="inferpack/base:bookworm" \
      org.opencontainers.image.base.digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
      io.inferpack.variant="tensorflow-onednn-py311-amd64" \
      io.inferpack.backend="onednn" \
      io.inferpack.lock="sha256:f6477311622726c0da63617702b0436141d8e83731af14ebc7dd59cc222577a6" \
      io.inferpack.base.packages="libc6=2.36-9 python3.11-minimal=3.11.2-6"
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CMD ["python3"]
