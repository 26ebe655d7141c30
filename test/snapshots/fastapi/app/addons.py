"""Where add-ons meet the application."""

from fastapi import FastAPI

from app.generate import Service


def install_addons(app: FastAPI, service: Service) -> None:
    """Each may add routes, and wrap what the service calls."""
