"""The listing that people copy: Flask and the OpenAI SDK, both with their defaults.

pip install flask gunicorn openai && gunicorn --threads 32 flask_snippet:app
"""

from flask import Flask, jsonify, request
from openai import OpenAI

app = Flask(__name__)
client = OpenAI()


@app.post("/generate")
def generate():
    completion = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": request.json["prompt"]}]
    )
    return jsonify(text=completion.choices[0].message.content)
