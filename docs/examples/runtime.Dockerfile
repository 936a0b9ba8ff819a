# docker build --file runtime.Dockerfile --tag mine .
# A runtime image has no pip and no shell: the dev image installs, and COPY takes over the packages.
ARG IMAGE=inferpack/onnxruntime
ARG TAG=latest
FROM ${IMAGE}:${TAG}-dev AS build
RUN pip install --no-cache-dir --no-deps --target /tmp/packages pillow==12.0.0

FROM ${IMAGE}:${TAG}
COPY --from=build /tmp/packages /packages
COPY app.py /app.py
ENV PYTHONPATH=/packages
CMD ["python3", "/app.py"]
