"""The program inside every image: is INT8 fast on this CPU, and why (not)?"""
