"""The fields of a generateContent request, as the Developer API and Vertex AI know them."""

from __future__ import annotations

from gemini_server.wire_proto import Messages

_MESSAGES = {
    "GenerateContentRequest": (
        "model=string contents=[Content] system_instruction=Content tools=[Tool] tool_config=ToolConfig "
        "safety_settings=[SafetySetting] generation_config=GenerationConfig cached_content=string "
        "service_tier=ServiceTier store=bool continuation_token=bytes"
    ),
    "CountTokensRequest": "model=string contents=[Content] generate_content_request=GenerateContentRequest",
    "Content": "parts=[Part] role=string",
    "Part": (
        "text=string thought=bool thought_signature=bytes inline_data=Blob file_data=FileData "
        "function_call=FunctionCall function_response=FunctionResponse executable_code=ExecutableCode "
        "code_execution_result=CodeExecutionResult video_metadata=VideoMetadata part_metadata={any} "
        "media_resolution=any"
    ),
    "Blob": "mime_type=string data=bytes display_name=string",
    "FileData": "mime_type=string file_uri=string display_name=string",
    "FunctionCall": "id=string name=string args={any}",
    "FunctionResponse": "id=string name=string response={any} will_continue=bool scheduling=string",
    "ExecutableCode": "id=string language=string code=string",
    "CodeExecutionResult": "id=string outcome=string output=string",
    "VideoMetadata": "start_offset=string end_offset=string fps=float",
    "GenerationConfig": (
        "temperature=float top_p=float top_k=float candidate_count=int32 max_output_tokens=int32 "
        "stop_sequences=[string] seed=int32 response_mime_type=string response_schema=Schema response_json_schema=any "
        "presence_penalty=float frequency_penalty=float response_logprobs=bool logprobs=int32 "
        "response_modalities=[Modality] media_resolution=MediaResolution speech_config=any image_config=any "
        "thinking_config=ThinkingConfig enable_enhanced_civic_answers=bool audio_transcription_config=any"
    ),
    "ThinkingConfig": "include_thoughts=bool thinking_budget=int32 thinking_level=ThinkingLevel",
    "SafetySetting": "category=HarmCategory threshold=HarmBlockThreshold",
    "Tool": (
        "function_declarations=[FunctionDeclaration] google_search={any} google_search_retrieval={any} "
        "code_execution={any} url_context={any} google_maps={any} computer_use={any} file_search={any} "
        "mcp_servers=[any]"
    ),
    "FunctionDeclaration": (
        "name=string description=string parameters=Schema parameters_json_schema=any response=Schema "
        "response_json_schema=any behavior=string"
    ),
    "ToolConfig": (
        "function_calling_config=FunctionCallingConfig retrieval_config={any} include_server_side_tool_invocations=bool"
    ),
    "FunctionCallingConfig": "mode=FunctionCallingMode allowed_function_names=[string]",
    "Schema": (
        "type=Type format=string title=string description=string nullable=bool enum=[string] items=Schema "
        "max_items=int64 min_items=int64 properties={Schema} required=[string] min_properties=int64 "
        "max_properties=int64 minimum=float maximum=float min_length=int64 max_length=int64 pattern=string example=any "
        "any_of=[Schema] property_ordering=[string] default=any additional_properties=any ref=string defs={Schema}"
    ),
}

_ENUMS = {
    "ServiceTier": "UNSPECIFIED SERVICE_TIER_UNSPECIFIED FLEX STANDARD PRIORITY",
    "ThinkingLevel": "THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH XHIGH",
    "Modality": "MODALITY_UNSPECIFIED TEXT IMAGE AUDIO VIDEO",
    "MediaResolution": (
        "MEDIA_RESOLUTION_UNSPECIFIED MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH"
    ),
    "HarmCategory": (
        "HARM_CATEGORY_UNSPECIFIED HARM_CATEGORY_HARASSMENT HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT "
        "HARM_CATEGORY_DANGEROUS_CONTENT HARM_CATEGORY_CIVIC_INTEGRITY HARM_CATEGORY_JAILBREAK"
    ),
    "HarmBlockThreshold": (
        "HARM_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE OFF"
    ),
    "HarmBlockMethod": "HARM_BLOCK_METHOD_UNSPECIFIED SEVERITY PROBABILITY",
    "FunctionCallingMode": "MODE_UNSPECIFIED AUTO ANY NONE VALIDATED",
    "Type": "TYPE_UNSPECIFIED STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL",
}

_VERTEX = {
    "GenerateContentRequest": f"{_MESSAGES['GenerateContentRequest']} labels={{string}} model_armor_config={{any}}",
    "CountTokensRequest": (
        "model=string contents=[Content] system_instruction=Content tools=[Tool] generation_config=GenerationConfig"
    ),
    "SafetySetting": f"{_MESSAGES['SafetySetting']} method=HarmBlockMethod",
    "GenerationConfig": (
        f"{_MESSAGES['GenerationConfig']} audio_timestamp=bool routing_config={{any}} model_config={{any}}"
    ),
}

_DEVELOPER = {
    version: Messages(f"google.ai.generativelanguage.{version}", _MESSAGES, _ENUMS)
    for version in ("v1", "v1beta", "v1beta1")
}
_ENTERPRISE = {
    version: Messages(f"google.cloud.aiplatform.{version}", {**_MESSAGES, **_VERTEX}, _ENUMS)
    for version in ("v1", "v1beta1")
}


def messages(version: str, *, vertex: bool) -> Messages:
    return _ENTERPRISE[version] if vertex else _DEVELOPER[version]
