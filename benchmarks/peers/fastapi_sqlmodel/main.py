"""The application: `uvicorn benchmarks.peers.fastapi_sqlmodel.main:app --workers 2`."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from benchmarks.peers.fastapi_sqlmodel import tasks
from benchmarks.peers.fastapi_sqlmodel.settings import settings

app = FastAPI(title="Peer", openapi_url=f"{settings.API_V1_STR}/openapi.json")
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://app.example.com"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)
app.include_router(tasks.router, prefix=settings.API_V1_STR)
