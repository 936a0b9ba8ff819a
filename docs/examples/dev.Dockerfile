# docker build --file dev.Dockerfile --tag mine .
ARG IMAGE=inferpack/onnxruntime
ARG TAG=latest
FROM ${IMAGE}:${TAG}-dev
USER 0
RUN pip install --no-cache-dir pillow==12.0.0
USER 10001
